"""One peer, one quantity of one chain, in the peers' environment: JSON on standard output.

    python with_peer.py PEER QUANTITY chain.npz

QUANTITY is law, recovery, escape or committor. The file holds a sparse generator (data, indices,
indptr), masks `low`, `empty`, `high`, and the numbers of the full state and of the one the committor
is asked for.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
import tempfile
import time

import numpy as np

MODES = {  # of Storm's solver of linear equations, in its own words
    "storm": "",  # as the program of this name comes: topological, GMRES, 1e-6 relative
    "storm 1e-12": "--precision 1e-12",
    "storm sparse LU": "--eqsolver eigen --eigen:method sparselu",
    "storm elimination": "--eqsolver elimination",
    "storm sound": "--sound",  # as stormpy comes
}


def start_storm(options):
    """Load stormpy with these settings: it takes none once it is loaded, and its own are empty."""
    spec = importlib.util.find_spec("stormpy")
    plain = 'developer._set_up("")'
    source = spec.loader.get_source("stormpy")
    if source.count(plain) != 1:
        raise SystemExit("stormpy sets itself up in another way than version 2.0.0")
    module = importlib.util.module_from_spec(spec)
    sys.modules["stormpy"] = module
    text = source.replace(plain, f"developer._set_up({options!r})")
    exec(compile(text, spec.origin, "exec"), vars(module))  # noqa: S102 (what import would run)


def scipy_lu(Q, quantity, masks, full, middle):
    from scipy.sparse.linalg import splu

    n = Q.shape[0]
    if quantity == "law":
        A = Q.T.tolil()
        A[n - 1, :] = 1.0
        law = splu(A.tocsc()).solve(np.eye(1, n, n - 1)[0])
        return float(law[masks["low"]].sum())
    if quantity == "committor":
        rest = np.flatnonzero(~(masks["empty"] | masks["high"]))
        into = np.asarray(Q[rest][:, np.flatnonzero(masks["high"])].sum(axis=1)).ravel()
        split = splu(-Q[rest][:, rest].tocsc()).solve(into)
        return float(split[np.searchsorted(rest, middle)])
    target, start = (masks["empty"], full) if quantity == "recovery" else (masks["high"], 0)
    rest = np.flatnonzero(~target)
    times = splu(-Q[rest][:, rest].tocsc()).solve(np.ones(rest.size))
    return float(times[np.searchsorted(rest, start)])


def quantecon_gth(Q, quantity, masks, full, middle):
    from quantecon.markov import gth_solve

    if quantity != "law":
        raise SystemExit("no hitting times")
    return float(gth_solve(Q.toarray())[masks["low"]].sum())


def storm_model(Q, masks):
    import stormpy

    n = Q.shape[0]
    lines = ["@type: CTMC", "@parameters", "", "@reward_models", "", "@nr_states", str(n)]
    lines += ["@nr_choices", str(n), "@model"]
    for i in range(n):
        row = slice(Q.indptr[i], Q.indptr[i + 1])
        edges = [(j, r) for j, r in zip(Q.indices[row], Q.data[row], strict=True) if j != i]
        names = [name for name, mask in masks.items() if mask[i]] + (["init"] if i == 0 else [])
        lines += [f"state {i} !{float(sum(r for _, r in edges))!r} {' '.join(names)}", "\taction 0"]
        lines += [f"\t\t{j} : {float(r)!r}" for j, r in edges]
    with tempfile.NamedTemporaryFile("w", suffix=".drn") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        return stormpy.build_model_from_drn(file.name)


def storm(model, quantity, full, middle):
    import stormpy
    from stormpy.developer import EnvironmentBuilder

    settings = EnvironmentBuilder.build_environment()
    text, state = {
        "law": ('LRA=? ["low"]', 0),
        "recovery": ('T=? [F "empty"]', full),
        "escape": ('T=? [F "high"]', 0),
        "committor": ('P=? [!"empty" U "high"]', middle),
    }[quantity]
    (formula,) = stormpy.parse_properties(text)
    return float(stormpy.model_checking(model, formula, environment=settings).get_value(state))


def main():
    from scipy.sparse import csr_matrix

    _, peer, quantity, name = sys.argv
    file = np.load(name)
    n = file["indptr"].size - 1
    Q = csr_matrix((file["data"], file["indices"], file["indptr"]), shape=(n, n))
    Q.sort_indices()
    masks = {name: file[name] for name in ("low", "empty", "high")}
    starts = int(file["full"]), int(file["middle"])
    if peer in MODES:
        start_storm(MODES[peer])
        model = storm_model(Q, masks)  # reading the chain is not timed

        def solve():
            return storm(model, quantity, *starts)
    else:

        def solve():
            by = {"scipy": scipy_lu, "quantecon": quantecon_gth}[peer]
            return by(Q, quantity, masks, *starts)

    wall, cpu = time.perf_counter(), time.process_time()
    value = solve()
    used = [time.perf_counter() - wall, time.process_time() - cpu]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"value": value, "wall": used[0], "cpu": used[1], "peak_gb": peak}))


if __name__ == "__main__":
    main()
