r"""Training the encoder and the decoder on random windows, in minibatches.

Data of a queue are stochastic: :math:`\|\varphi(x_{t+k}) - A^k \varphi(x_t)\|^2` can be made small by
shrinking :math:`\varphi`, or by features that are easy to predict and say nothing; and a loss in the
channels alone is all noise at long lags. The encoder is therefore trained on three terms, over pairs at
random lags k (even on a logarithmic scale, up to two slowest timescales):

* prediction: :math:`\|D(\hat z_{t+k}) - x_{t+k}\|^2`, whose minimum is the conditional mean;
* reconstruction: :math:`\|D(z_t) - x_t\|^2`;
* latent consistency in whitened units, :math:`1 - \frac1m \| C_{00}^{-1/2} C_{0k} C_{kk}^{-1/2} \|_F^2`:
  the share of the latent variance that the best affine step at lag k leaves unexplained. No rescaling
  of the latent space changes it; its minimum spans the slowest modes (the VAMP-2 score; H. Wu, F. Noe,
  J. Nonlinear Sci. 30 (2020) 23).

The step at each lag, :math:`\hat z_{t+k} = \bar z_k + C_{k0} C_{00}^{-1} (z_t - \bar z_0)`, is eliminated in
the minibatch (variable projection); `generator` then fits one stable step to all windows and lags,
and the decoder is trained on with that step.
"""

# torch leaves parts of its types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError, NotConverged
from separatrix.koopman.network import Perceptron
from separatrix.koopman.windows import Windows

if TYPE_CHECKING:
    import torch

Array: TypeAlias = NDArray[np.float64]

LAGS = 4  # in a minibatch
_VALIDATION_LAGS, _VALIDATION_SIZE = 8, 2048
_MOST_BATCHES = 30  # in an epoch
_RIDGE = 1e-4  # of the mean latent variance, in float32
_LEAST_GAIN = 1e-3  # of the loss, to count as better


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


@dataclass
class History:
    """Validation losses, epoch by epoch: of both networks, then of the decoder with its step."""

    joint: list[float] = field(default_factory=list)
    decoder: list[float] = field(default_factory=list)


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


class Net:
    """A `Perceptron` as torch parameters."""

    def __init__(self, start: Perceptron, device: str) -> None:
        import torch

        def parameter(x: Array) -> torch.Tensor:
            made = torch.as_tensor(x, dtype=torch.float32).to(device)
            return made.clone().requires_grad_(True)

        self.weights = [parameter(w) for w in start.weights]
        self.biases = [parameter(b) for b in start.biases]
        self.bypass = parameter(start.bypass)
        self.parameters = [*self.weights, *self.biases, self.bypass]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(..., inputs) to (..., outputs)."""
        h = x
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = (h @ w.T + b).tanh()
        return h @ self.weights[-1].T + self.biases[-1] + x @ self.bypass.T

    def perceptron(self) -> Perceptron:
        """The weights as they are now."""

        def array(x: torch.Tensor) -> Array:
            return x.detach().cpu().numpy().astype(np.float64)

        return Perceptron(
            tuple(map(array, self.weights)), tuple(map(array, self.biases)), array(self.bypass)
        )


def train_both(
    encoder: Perceptron,
    decoder: Perceptron,
    train: Windows,
    validation: Windows,
    longest: int,
    schedule: Schedule,
    rng: np.random.Generator,
    history: History,
    progress: Callable[[int, int], None],
) -> tuple[Perceptron, Perceptron]:
    """Train encoder and decoder with the latent step eliminated; returns the best on validation."""
    import torch

    enc, dec = Net(encoder, schedule.device), Net(decoder, schedule.device)
    channels = len(decoder.biases[-1])
    batches = _Batches(train, schedule, channels)
    judge = _Batches(validation, schedule, channels)
    fixed_rng = np.random.default_rng(0)
    lags = [k for k in _lags(fixed_rng, _VALIDATION_LAGS, longest) if validation.count(k)]
    fixed = judge.draw(fixed_rng, lags, _VALIDATION_SIZE)

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        z, w = enc(x), enc(y)
        hat, explained = _best_step(z, w)
        seen, target = x[..., -channels:], y[..., -channels:]
        predicted = ((dec(hat) - target) ** 2).mean()
        return predicted + ((dec(z) - seen) ** 2).mean() + 1.0 - explained

    def random_loss() -> torch.Tensor:
        size = max(1, schedule.batch // LAGS)
        return loss(*batches.draw(rng, _lags(rng, LAGS, longest), size))

    def judged() -> float:
        with torch.no_grad():
            return float(loss(*fixed))

    count = int(np.clip(len(train.states) // schedule.batch, 8, _MOST_BATCHES))
    _descend(
        [*enc.parameters, *dec.parameters], random_loss, judged, count, schedule, history.joint,
        progress,
    )  # fmt: skip
    return enc.perceptron(), dec.perceptron()


def train_decoder(
    decoder: Perceptron,
    latent: tuple[Array, Array],
    train: Windows,
    validation: Windows,
    powers: dict[int, Array],
    schedule: Schedule,
    rng: np.random.Generator,
    history: History,
) -> Perceptron:
    """Train the decoder with the latent states and their step fixed.

    Parameters
    ----------
    latent : states of the training and of the validation windows.
    powers : lag -> the step's power.
    """
    import torch

    dec = Net(decoder, schedule.device)
    channels = len(decoder.biases[-1])
    step = {
        k: torch.as_tensor(A.T, dtype=torch.float32).to(schedule.device)
        for k, A in {0: np.eye(len(latent[0][0])), **powers}.items()
    }
    lags = [k for k in step if train.count(k) and validation.count(k)]
    sides = [
        _Batches(w, schedule, channels, z) for w, z in zip((train, validation), latent, strict=True)
    ]
    fixed_rng = np.random.default_rng(0)
    fixed = [sides[1].rows(fixed_rng, k, _VALIDATION_SIZE) for k in lags]

    steps = torch.stack([step[k] for k in lags])
    ahead = np.array(lags)[:, None]

    def loss(side: _Batches, rows: list[NDArray[np.intp]]) -> torch.Tensor:
        first = np.stack(rows)
        target = side.states[first + ahead][..., -channels:]
        return ((dec(side.latent[first] @ steps) - target) ** 2).mean()

    def random_loss() -> torch.Tensor:
        size = max(1, schedule.batch // len(lags))
        return loss(sides[0], [sides[0].rows(rng, k, size) for k in lags])

    def judged() -> float:
        with torch.no_grad():
            return float(loss(sides[1], fixed))

    count = int(np.clip(len(train.states) // schedule.batch, 8, _MOST_BATCHES))
    _descend(dec.parameters, random_loss, judged, count, schedule, history.decoder, _silent)
    return dec.perceptron()


def _silent(done: int, total: int) -> None:
    """No progress shown."""


class _Batches:
    """Windows on the device."""

    def __init__(
        self, windows: Windows, schedule: Schedule, channels: int, latent: Array | None = None
    ) -> None:
        import torch

        self.windows, self.channels = windows, channels
        self.states = torch.as_tensor(windows.states, dtype=torch.float32).to(schedule.device)
        if latent is not None:
            self.latent = torch.as_tensor(latent, dtype=torch.float32).to(schedule.device)

    def rows(self, rng: np.random.Generator, lag: int, size: int) -> NDArray[np.intp]:
        return self.windows.draw(rng, lag, size)

    def draw(
        self, rng: np.random.Generator, lags: list[int], size: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        first = np.stack([self.windows.draw(rng, k, size) for k in lags])
        second = first + np.array(lags)[:, None]
        return self.states[first], self.states[second]


def _lags(rng: np.random.Generator, count: int, longest: int) -> list[int]:
    """One lag in each of `count` equal parts of the logarithmic scale from 1 to `longest`."""
    place = (np.arange(count) + rng.random(count)) / count
    return np.exp(place * np.log(longest + 1)).astype(int).tolist()


def _best_step(z: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the best affine step makes of z at each lag, and the share of variance it explains."""
    import torch

    n, m = z.shape[1:]
    zc = z - z.mean(dim=1, keepdim=True)
    wc = w - w.mean(dim=1, keepdim=True)

    def ridged(c: torch.Tensor) -> torch.Tensor:
        size = c.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
        return c + _RIDGE * size * torch.eye(m, device=c.device)

    cross = zc.mT @ wc / n
    forward = torch.linalg.solve(ridged(zc.mT @ zc / n), cross)
    backward = torch.linalg.solve(ridged(wc.mT @ wc / n), cross.mT)
    explained = (forward * backward.mT).sum(dim=(1, 2)).mean() / m
    hat: torch.Tensor = w.mean(dim=1, keepdim=True) + zc @ forward
    return hat, explained


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


def _descend(
    parameters: list[Any],
    loss: Callable[[], Any],
    judged: Callable[[], float],
    batches: int,
    schedule: Schedule,
    history: list[float],
    progress: Callable[[int, int], None],
) -> None:
    """Adam, until the judged loss gains nothing more; leaves the best parameters in place."""
    import torch

    optimiser = torch.optim.Adam(parameters, lr=schedule.rate)
    best, since = float("inf"), 0
    kept = [p.detach().clone() for p in parameters]
    with one_thread():
        for epoch in range(schedule.epochs):
            for _ in range(batches):
                optimiser.zero_grad()
                loss().backward()
                optimiser.step()
            value = judged()
            history.append(value)
            progress(epoch + 1, schedule.epochs)
            if not np.isfinite(value):
                raise NotConverged(
                    "the training diverged; lower `rate`", partial=copy.copy(history),
                    certificate=f"validation loss {value} in epoch {epoch + 1}",
                )  # fmt: skip
            if value < best - _LEAST_GAIN * abs(best) or epoch == 0:
                best, since = value, 0
                kept = [p.detach().clone() for p in parameters]
                continue
            since += 1
            if since >= schedule.patience:
                break
            if since % max(1, schedule.patience // 2) == 0:
                for group in optimiser.param_groups:
                    group["lr"] /= 3.0
    with torch.no_grad():
        for parameter, value in zip(parameters, kept, strict=True):
            parameter.copy_(value)
