"""One peer on one chain, in the peers' environment: python with_peer.py PEER chain.npz, JSON on stdout.

The file holds a sparse generator (data, indices, indptr), masks `low`, `empty`, `high`, and start states.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np


def scipy_lu(Q, low, empty, high, full):
    from scipy.sparse.linalg import splu

    n = Q.shape[0]
    A = Q.T.tolil()
    A[n - 1, :] = 1.0
    law = splu(A.tocsc()).solve(np.eye(1, n, n - 1)[0])

    def time_to(target, start):
        rest = np.flatnonzero(~target)
        times = splu(-Q[rest][:, rest].tocsc()).solve(np.ones(rest.size))
        return float(times[np.searchsorted(rest, start)])

    return float(law[low].sum()), time_to(empty, full), time_to(high, 0)


def quantecon_gth(Q, low, empty, high, full):
    from quantecon.markov import gth_solve

    law = gth_solve(Q.toarray())
    return float(law[low].sum()), None, None


def storm(Q, low, empty, high, full):
    import tempfile

    import stormpy

    n = Q.shape[0]
    lines = ["@type: CTMC", "@parameters", "", "@reward_models", "", "@nr_states", str(n)]
    lines += ["@nr_choices", str(n), "@model"]
    for i in range(n):
        row = slice(Q.indptr[i], Q.indptr[i + 1])
        edges = [(j, r) for j, r in zip(Q.indices[row], Q.data[row], strict=True) if j != i]
        names = [t for t, mask in (("low", low), ("empty", empty), ("high", high)) if mask[i]]
        names += ["init"] if i == 0 else []
        lines += [f"state {i} !{sum(r for _, r in edges)!r} {' '.join(names)}", "\taction 0"]
        lines += [f"\t\t{j} : {float(r)!r}" for j, r in edges]
    with tempfile.NamedTemporaryFile("w", suffix=".drn") as file:
        file.write("\n".join(lines).replace("np.float64(", "").replace(")", "") + "\n")
        file.flush()
        model = stormpy.build_model_from_drn(file.name)

    def ask(text, state):
        (formula,) = stormpy.parse_properties(text)
        return float(stormpy.model_checking(model, formula).get_value(state))

    return (
        ask('LRA=? ["low"]', 0),
        ask('T=? [F "empty"]', full),
        ask('T=? [F "high"]', 0),
    )


def main():
    from scipy.sparse import csr_matrix

    file = np.load(sys.argv[2])
    n = file["indptr"].size - 1
    Q = csr_matrix((file["data"], file["indices"], file["indptr"]), shape=(n, n))
    Q.sort_indices()
    masks = [file[name] for name in ("low", "empty", "high")]
    peer = {"scipy": scipy_lu, "quantecon": quantecon_gth, "storm": storm}[sys.argv[1]]
    wall, cpu = time.perf_counter(), time.process_time()
    values = peer(Q, *masks, int(file["full"]))
    used = [time.perf_counter() - wall, time.process_time() - cpu]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"values": values, "wall": used[0], "cpu": used[1], "peak_gb": peak}))


if __name__ == "__main__":
    main()
