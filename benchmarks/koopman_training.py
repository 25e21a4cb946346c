"""Time to one validation loss: random windows in minibatches against whole trajectories.

The other way is the first seed's: one gradient step an epoch, on a rollout of the latent step over
every training run from its start. Both train the same networks on the same runs, on one thread, and are judged by
the same number: the mean squared error of reconstruction and prediction over the same lags on the
runs held out. The rival is stopped at `FACTOR` times the time that the windows took.

    python benchmarks/koopman_training.py
"""

from __future__ import annotations

import time

import numpy as np
import torch

from separatrix.koopman import Koopman, Trajectories
from separatrix.koopman.dataset import Scaling
from separatrix.koopman.network import Perceptron
from separatrix.koopman.training import Net, one_thread
from separatrix.koopman.windows import Windows

FACTOR = 25
RUNS, SAMPLES = 16, 600


def queue_like(seed: int) -> Trajectories:
    """Reflected random walks with drift to 0, from 0 and from 60."""
    rng = np.random.default_rng(seed)
    x = np.where(np.arange(RUNS) % 2, 60.0, 0.0)
    out = [x]
    for _ in range(SAMPLES - 1):
        x = np.clip(x + rng.poisson(4.6, RUNS) - rng.poisson(5.0, RUNS), 0.0, 60.0)
        out.append(x)
    return Trajectories.of(list(np.array(out).T), 0.5, ["queue"])


def whole_trajectories(
    data: Trajectories, model: Koopman, target: float, patience: float
) -> tuple[float, float, int]:
    """CPU seconds, best judged loss and epochs until `target` or `patience` CPU seconds."""
    training, held = data.split(model.validation, model.seed)
    scaling = Scaling.of(training)
    judge = Windows.of(held, scaling, 1)
    rng = np.random.default_rng(model.seed)
    latent = model.latent_size
    enc = Net(Perceptron.drawn(1, model.hidden, latent, rng), "cpu")
    dec = Net(Perceptron.drawn(latent, model.hidden, 1, rng), "cpu")
    S = torch.zeros(latent, latent, requires_grad=True)
    root = torch.diag(torch.tensor(np.geomspace(1.0, 1.0 / model.lags_[-1], latent) ** 0.5))
    L = root.float().requires_grad_(True)
    rest = torch.zeros(latent, requires_grad=True)
    optimiser = torch.optim.Adam([*enc.parameters, *dec.parameters, S, L, rest], lr=model.rate)
    runs = torch.as_tensor(np.stack([scaling.apply(p) for p in training.pieces])).float()
    states = torch.as_tensor(judge.states).float()
    pairs = []
    for k in (0, *model.lags_):
        rows = judge.rows(k)
        pairs.append((k, rows[:: max(1, len(rows) // 2048)]))

    def step() -> torch.Tensor:
        return torch.linalg.matrix_exp(S - S.T - L @ L.T)

    def judged() -> float:
        with torch.no_grad():
            A = step()
            losses = []
            for k, rows in pairs:
                z = (enc(states[rows]) - rest) @ torch.linalg.matrix_power(A, k).T + rest
                losses.append(((dec(z) - states[rows + k]) ** 2).mean())
            return float(torch.stack(losses).mean())

    begun, best, epochs = time.process_time(), float("inf"), 0
    while time.process_time() - begun < patience:
        optimiser.zero_grad()
        A, z = step(), enc(runs[:, 0]) - rest
        path = [z]
        for _ in range(runs.shape[1] - 1):
            path.append(path[-1] @ A.T)
        rolled = torch.stack(path, dim=1) + rest
        seen = enc(runs)
        loss = ((dec(rolled) - runs) ** 2).mean() + ((dec(seen) - runs) ** 2).mean()
        (loss + ((rolled - seen) ** 2).mean()).backward()
        optimiser.step()
        epochs += 1
        best = min(best, judged())
        if best <= target:
            break
    return time.process_time() - begun, best, epochs


def main() -> None:
    data = queue_like(0)
    with one_thread():
        Koopman(epochs=1, device="cpu").fit(data)  # what torch does once is no training
        begun = time.process_time()
        model = Koopman(seed=0, device="cpu").fit(data)
        ours = time.process_time() - begun
        spent, best, epochs = whole_trajectories(data, model, model.validation_loss_, FACTOR * ours)
    print(f"windows: validation loss {model.validation_loss_:.4f} in {ours:.1f} CPU s")
    reached = best <= model.validation_loss_
    print(
        f"whole trajectories: {best:.4f} after {epochs} epochs, {spent:.1f} CPU s: "
        + (
            f"{spent / ours:.1f} times as long"
            if reached
            else f"not reached in {FACTOR} times as long"
        )
    )


if __name__ == "__main__":
    main()
