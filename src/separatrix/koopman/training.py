r"""Training the encoder on random windows, in minibatches, with all that is linear eliminated.

Data of a queue are stochastic: :math:`\|\varphi(x_{t+k}) - A^k \varphi(x_t)\|^2` can be made small by
shrinking :math:`\varphi`, or by features that are easy to predict and say nothing; and a loss in the
channels alone is all noise at long lags. The encoder is therefore trained on three terms, over pairs at
random lags k (even on a logarithmic scale, up to two slowest timescales):

* prediction: :math:`\|D_k \varphi(x_t) - x_{t+k}\|^2`, whose minimum is the conditional mean;
* reconstruction: :math:`\|D_0 \varphi(x_t) - x_t\|^2`;
* latent consistency in whitened units, :math:`1 - \frac1m \| C_{00}^{-1/2} C_{0k} C_{kk}^{-1/2} \|_F^2`:
  the share of the latent variance that the best affine step at lag k leaves unexplained. No rescaling
  of the latent space changes it; its minimum spans the slowest modes (the VAMP-2 score; H. Wu, F. Noe,
  J. Nonlinear Sci. 30 (2020) 23).

All three are least squares in what follows the encoder: the step and the affine read-out at each lag are
solved for in the minibatch (variable projection; G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10
(1973) 413), and the descent is over the encoder alone. `generator` then fits one stable step to all
windows and lags, and `readout` one read-out.
"""

# torch leaves parts of its types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.koopman.descent import Schedule, descend
from separatrix.koopman.network import Perceptron
from separatrix.koopman.windows import Windows

if TYPE_CHECKING:
    import torch

Array: TypeAlias = NDArray[np.float64]

LAGS = 4  # in a minibatch
_VALIDATION_LAGS, _VALIDATION_SIZE = 8, 2048
_MOST_BATCHES = 10  # in an epoch
_RIDGE = 1e-4  # of the mean latent variance, in float32


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


def train_encoder(
    own: Array,
    encoder: Perceptron,
    channels: int,
    train: Windows,
    validation: Windows,
    longest: int,
    schedule: Schedule,
    rng: np.random.Generator,
    progress: Callable[[int, int], None],
) -> tuple[Perceptron, list[float]]:
    """Train the encoder with the step and the read-out eliminated.

    Parameters
    ----------
    own : (fixed, width) latent coordinates that are linear in the state and stay as they are.
    encoder : network of the latent coordinates beside them.
    channels : number of them, the last of a state.

    Returns the best network on validation, and the validation losses: before training, and by epoch.
    """
    import torch

    net = Net(encoder, schedule.device)
    linear = torch.as_tensor(own.T, dtype=torch.float32).to(schedule.device)

    def encoded(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x @ linear, net(x)], dim=-1)

    states = torch.as_tensor(train.states, dtype=torch.float32).to(schedule.device)
    held = torch.as_tensor(validation.states, dtype=torch.float32).to(schedule.device)
    fixed_rng = np.random.default_rng(0)
    lags = [k for k in random_lags(fixed_rng, _VALIDATION_LAGS, longest) if validation.count(k)]
    fixed = _pairs(held, validation, fixed_rng, lags, _VALIDATION_SIZE)
    size = max(1, schedule.batch // LAGS)

    def random_loss() -> torch.Tensor:
        pairs = _pairs(states, train, rng, random_lags(rng, LAGS, longest), size)
        return _projected(encoded, *pairs, channels)

    def judged() -> float:
        with torch.no_grad():
            return float(_projected(encoded, *fixed, channels))

    batches = int(np.clip(len(train.states) // schedule.batch, 8, _MOST_BATCHES))
    history = descend(net.parameters, random_loss, judged, batches, schedule, progress)
    return net.perceptron(), history


def random_lags(rng: np.random.Generator, count: int, longest: int) -> list[int]:
    """One lag in each of `count` equal parts of the logarithmic scale from 1 to `longest`."""
    place = (np.arange(count) + rng.random(count)) / count
    return np.exp(place * np.log(longest + 1)).astype(int).tolist()


def _pairs(
    states: torch.Tensor, windows: Windows, rng: np.random.Generator, lags: list[int], size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """(lags, size, width) first and second states of random pairs."""
    first = np.stack([windows.draw(rng, k, size) for k in lags])
    return states[first], states[first + np.array(lags)[:, None]]


def _projected(
    encoded: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, y: torch.Tensor, channels: int
) -> torch.Tensor:
    """The three terms, with the best affine step and read-out at each lag put in."""
    import torch

    z, w = encoded(torch.stack([x, y]))
    n, m = z.shape[1:]
    zc, wc = (part - part.mean(dim=1, keepdim=True) for part in (z, w))
    seen = torch.cat([x[..., -channels:], y[..., -channels:]], dim=-1)
    target = torch.cat([wc, seen - seen.mean(dim=1, keepdim=True)], dim=-1)

    def ridged(c: torch.Tensor) -> torch.Tensor:
        size = c.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
        return c + _RIDGE * size * torch.eye(m, device=c.device)

    cross = zc.mT @ target / n
    ahead = torch.linalg.solve(ridged(zc.mT @ zc / n), cross)
    back = torch.linalg.solve(ridged(wc.mT @ wc / n), cross[..., :m].mT)
    explained = (ahead[..., :m] * back.mT).sum(dim=(1, 2)).mean() / m
    missed = ((zc @ ahead[..., m:] - target[..., m:]) ** 2).mean()
    return 2.0 * missed + 1.0 - explained
