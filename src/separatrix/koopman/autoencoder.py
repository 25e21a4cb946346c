r"""The learned reading: an autoencoder whose latent step is linear and stable.

.. math:: z = \varphi(x),\qquad z_{t+k} = e^{kG} z_t,\qquad \hat x_{t+k} = \ell + C z_{t+k},

measured from the resting place z = 0. The encoder is begun in closed form (`warm_start`), trained by
gradients (`training`); then the step (`generator`) and the decoder (`readout`) are fitted to all runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError
from separatrix.koopman.dataset import Scaling, Trajectories, as_trajectories
from separatrix.koopman.descent import Schedule, one_thread, pick_device
from separatrix.koopman.estimator import Complex, Estimator
from separatrix.koopman.generator import fit_generator
from separatrix.koopman.horizon import longest_lag
from separatrix.koopman.network import Perceptron
from separatrix.koopman.readout import Readout, fit_readout, misfit
from separatrix.koopman.training import train_encoder
from separatrix.koopman.warm_start import warm_encoder
from separatrix.koopman.windows import Windows, lag_grid

Array: TypeAlias = NDArray[np.float64]

_SAMPLE = 300  # states kept with the model, on which its stretches are measured
_LEAST_PAIRS = 20  # for each latent coordinate, at the longest lag


class Koopman(Estimator):
    """A Koopman autoencoder, learned from runs.

    Parameters
    ----------
    latent : latent coordinates, at most.
    hidden : sizes of the encoder's hidden layers.
    delays : samples that make one state; more than 1 where a sample does not say all.
    longest : longest lag trained on [samples]; None for twice the slowest timescale that a
        quick look (`horizon`) finds.
    epochs, patience, batch, rate : see `descent.Schedule`.
    validation : share of the runs held out from the training of the encoder.
    seed : of the split, the first weights and the windows; on a CPU the fit is a function of the
        data and the seed.
    device : "auto", "cpu", "cuda" ...

    Attributes
    ----------
    eigenvalues_, timescales_, modes_, limit_ : see `Estimator`.
    validation_loss_ : mean squared error of reconstruction and prediction, over the lags of
        `lags_`, on the runs that the encoder did not see, in units of the channels' variance.
    history_ : validation losses of the encoder's training: before it, and by epoch (see `training`).
    starts_, begins_ : states in which the training's pieces began, and when in their runs [s]: the
        same time, the same kind of start.
    sample_ : (n, delays * channels) some scaled training states.

    Example
    -------
    >>> model = Koopman(seed=1).fit(runs, step=0.5)      # doctest: +SKIP
    >>> model.timescales_[0], model.predict([100.0], 10) # doctest: +SKIP
    """

    def __init__(
        self, latent: int = 16, *, hidden: Sequence[int] = (64,), delays: int = 1,
        longest: int | None = None, epochs: int = 200, patience: int = 4, batch: int = 1024,
        rate: float = 1e-3, validation: float = 0.2, seed: int = 0, device: str = "auto",
    ) -> None:  # fmt: skip
        wrong = [
            f"{name} is {value}"
            for name, value in (
                ("latent", latent), ("delays", delays), ("epochs", epochs), ("patience", patience),
                ("batch", batch), ("the smallest hidden layer", min(hidden, default=0)),
                ("longest", 1 if longest is None else longest),
            )
            if value < 1
        ]  # fmt: skip
        if wrong:
            raise DataError("; ".join(wrong), hint="give whole numbers of at least 1")
        if not 0.0 < rate < 1.0:
            raise DataError(f"the learning rate is {rate:g}", hint="take 0.001")
        self.latent_size, self.hidden, self.delays = latent, tuple(hidden), delays
        self.longest, self.validation, self.seed, self.device = longest, validation, seed, device
        self.epochs, self.patience, self.batch, self.rate = epochs, patience, batch, rate

    def fit(
        self,
        X: Any,
        step: float | None = None,
        *,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Koopman:
        """Learn from runs: `Trajectories`, or arrays as `Trajectories.of` takes them.

        progress : called with (epochs done, epochs at most).

        Raises DataError for one run, a channel that never changes, runs too short, or no torch;
        NotConverged where the training diverges.
        """
        data = as_trajectories(X, step)
        device = pick_device(self.device)
        training, held = data.split(self.validation, self.seed)
        self.scaling_ = Scaling.of(training)
        self.step_, self.names_, self.delays_ = data.step, data.names, self.delays
        train = Windows.of(training, self.scaling_, self.delays)
        judge = Windows.of(held, self.scaling_, self.delays)
        rng = np.random.default_rng(self.seed)
        self.lags_ = self._lags(train, judge, rng)
        schedule = Schedule(self.epochs, self.patience, self.batch, self.rate, device)
        channels = len(data.names)
        with one_thread():
            longest = self.lags_[-1]
            own, beside = warm_encoder(train, channels, self.hidden, self.latent_size, longest, rng)
            beside, self.history_ = train_encoder(
                own, beside, channels, train, judge, longest, schedule, rng, progress
            )
            encoder = beside.beside(own)
            # the step takes its few numbers from all runs: slow modes are short of independent windows
            every = Windows.of(data, self.scaling_, self.delays)
            z = encoder(every.states)
            found = fit_generator(z, every, self.lags_)
        self._encoder = encoder.after(found.transform, found.shift)
        self._set_generator(found.matrix)
        z = z @ found.transform.T + found.shift
        self._readout = fit_readout(z, every, channels, found.matrix, self.lags_)
        self.validation_loss_ = misfit(
            self._encoder(judge.states), judge, self._readout, found.matrix, self.lags_
        )
        self.starts_, self.begins_ = _starts(training, self.delays)
        picked = rng.choice(len(train.states), min(_SAMPLE, len(train.states)), replace=False)
        self.sample_ = train.states[np.sort(picked)]
        return self

    def encode(self, x: Array) -> Array:
        """(n, delays * channels) scaled states to (n, latent), 0 at rest."""
        return self._encoder(x)

    def decode(self, z: Array) -> Array:
        """(n, latent) to (n, channels), scaled: the expected observation."""
        return self._readout(z)

    @property
    def modes_(self) -> Complex:
        """(latent, channels) how each eigenfunction shows in the channels, slowest first.

        The decoder's slope times the right eigenvectors.
        """
        return (self._readout.slope @ self.eigen()[1]).T * self.scaling_.deviation

    @property
    def encoder_(self) -> Perceptron:
        """The trained encoder, scaled states to latent coordinates."""
        return self._encoder

    @property
    def readout_(self) -> Readout:
        """The decoder, latent coordinates to scaled channels."""
        return self._readout

    def save(self, path: Any) -> None:
        """Write to a file, or to a directory: safetensors with a JSON header; see `model_file`."""
        from separatrix.koopman.model_file import save

        save(self, path)

    @classmethod
    def load(cls, path: Any) -> Koopman:
        """Read what `save` wrote; DataError for anything else."""
        from separatrix.koopman.model_file import load

        return load(path)

    @property
    def settings(self) -> dict[str, Any]:
        """What the model was made with, but for the device."""
        return {
            "latent": self.latent_size, "hidden": list(self.hidden), "delays": self.delays,
            "longest": self.longest, "epochs": self.epochs, "patience": self.patience,
            "batch": self.batch, "rate": self.rate, "validation": self.validation,
            "seed": self.seed,
        }  # fmt: skip

    def restore(self, encoder: Perceptron, readout: Readout, generator: Array) -> None:
        """Take what was trained, as `load` finds it."""
        self._encoder, self._readout = encoder, readout
        self._set_generator(generator)

    def to_dict(self) -> dict[str, Any]:
        """What was learned, as numbers for JSON; times in seconds."""
        values = self.eigenvalues_
        return {
            "names": list(self.names_), "step": self.step_, "delays": self.delays_,
            "latent": len(values), "timescales": self.timescales_.tolist(), "unit": "s",
            "eigenvalues": [[float(v.real), float(v.imag)] for v in values],
            "limit": dict(zip(self.names_, self.limit_.tolist(), strict=True)),
            "longest_lag": self.lags_[-1] * self.step_,
            "validation_loss": self.validation_loss_, "seed": self.seed,
            "epochs": len(self.history_) - 1,
        }  # fmt: skip

    def _set_generator(self, matrix: Array) -> None:
        from scipy.linalg import expm

        self.generator_ = matrix
        self.transition_ = np.ascontiguousarray(expm(matrix))

    def _lags(self, train: Windows, judge: Windows, rng: np.random.Generator) -> list[int]:
        wanted = longest_lag(train, rng) if self.longest is None else self.longest
        least = _LEAST_PAIRS * self.latent_size
        while wanted > 1 and (train.count(wanted) < least or not judge.count(wanted)):
            wanted -= max(1, wanted // 20)
        if train.count(wanted) < least or not judge.count(wanted):
            raise DataError(
                f"the runs are too short: {train.count(1)} pairs of samples to train on, "
                f"{judge.count(1)} to validate, and {least} are needed",
                hint="record longer or more runs, or ask for fewer latent coordinates",
            )
        return lag_grid(wanted)


def _starts(data: Trajectories, delays: int) -> tuple[Array, Array]:
    """(n, channels) or (n, delays, channels): where the training's pieces begin, and (n,) when."""
    pairs = zip(data.pieces, data.begin, strict=True)
    first = [(p[:delays], begin) for p, begin in pairs if len(p) >= delays]
    states = np.array([f[0] if delays == 1 else f for f, _ in first])
    return states, np.array([begin for _, begin in first])
