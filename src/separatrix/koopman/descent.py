"""Stochastic gradient descent with early stopping.

Adam (D. P. Kingma, J. Ba, ICLR 2015) is written out: ``torch.optim`` would load torch's compiler, which
takes longer than most fits.
"""

# torch leaves parts of its types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.errors import DataError, NotConverged

if TYPE_CHECKING:
    import torch

_MEAN, _SQUARE, _TINY = 0.9, 0.999, 1e-8  # Adam's own constants
_LEAST_GAIN = 3e-3  # of the loss, to count as better


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes
    ----------
    epochs : at most; patience : epochs without gain until the end.
    batch : pairs in a minibatch; rate : of Adam, lowered threefold at half the patience.
    device : torch's name of it.
    """

    epochs: int
    patience: int
    batch: int
    rate: float
    device: str


def pick_device(device: str) -> str:
    """torch's name of the device; "auto" is a GPU where there is one.

    Raises DataError where torch is missing or does not know the device.
    """
    try:
        import torch
    except ImportError:
        raise DataError(
            "learning needs torch, which is not installed",
            hint='pip install "separatrix[learn]"',
        ) from None
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"device {device!r}: {reason}", hint='take "auto"') from None
    return device


@contextlib.contextmanager
def one_thread() -> Generator[None]:
    """Keep torch to one thread: the matrices are small, and sums keep one order, to the bit."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Adam:
    """Adaptive moments of the gradient, on one flat vector of all parameters."""

    def __init__(self, parameters: list[torch.Tensor], rate: float) -> None:
        import torch

        self.parameters, self.rate, self.steps = parameters, rate, 0
        size = sum(p.numel() for p in parameters)
        self.mean = torch.zeros(size, device=parameters[0].device)
        self.square = torch.zeros_like(self.mean)

    def step(self, loss: torch.Tensor) -> None:
        """Move all parameters against the gradient of `loss`."""
        import torch

        parts = torch.autograd.grad(loss, self.parameters)
        gradient = torch.cat([g.reshape(-1) for g in parts])
        self.steps += 1
        self.mean.lerp_(gradient, 1.0 - _MEAN)
        self.square.lerp_(gradient**2, 1.0 - _SQUARE)
        root = (self.square / (1.0 - _SQUARE**self.steps)).sqrt_().add_(_TINY)
        move = self.mean * (-self.rate / (1.0 - _MEAN**self.steps)) / root
        with torch.no_grad():
            for p, part in zip(
                self.parameters, move.split([p.numel() for p in self.parameters]), strict=True
            ):
                p.add_(part.view_as(p))


def descend(
    parameters: list[torch.Tensor],
    loss: Callable[[], torch.Tensor],
    judged: Callable[[], float],
    batches: int,
    schedule: Schedule,
    progress: Callable[[int, int], None],
) -> list[float]:
    """Adam, until the judged loss gains nothing more; leaves the best parameters in place.

    Returns the judged loss before training and after each epoch. Raises NotConverged, with these, where
    it is no number.
    """
    import torch

    optimiser = Adam(parameters, schedule.rate)
    history = [judged()]
    best, since = history[0], 0
    kept = [p.detach().clone() for p in parameters]
    for epoch in range(schedule.epochs):
        for _ in range(batches):
            optimiser.step(loss())
        value = judged()
        history.append(value)
        progress(epoch + 1, schedule.epochs)
        if not np.isfinite(value):
            raise NotConverged(
                "the training diverged; lower `rate`", partial=copy.copy(history),
                certificate=f"validation loss {value} in epoch {epoch + 1}",
            )  # fmt: skip
        if value < best - _LEAST_GAIN * abs(best):
            best, since = value, 0
            kept = [p.detach().clone() for p in parameters]
            continue
        since += 1
        if since >= schedule.patience:
            break
        if since % max(1, schedule.patience // 2) == 0:
            optimiser.rate /= 3.0
    with torch.no_grad():
        for parameter, value in zip(parameters, kept, strict=True):
            parameter.copy_(value)
    return history
