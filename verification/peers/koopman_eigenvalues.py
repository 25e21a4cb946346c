"""What PyDMD and deeptime make of the runs in a file; runs in an environment of their own.

python koopman_eigenvalues.py RUNS.npz     # prints JSON: method -> eigenvalues
"""

import json
import sys

import deeptime.decomposition as deeptime
import numpy as np
import pydmd
from deeptime.basis import Monomials

runs = np.load(sys.argv[1])["runs"]  # (runs, samples, channels), centred and scaled
degree = int(sys.argv[2])
x = np.concatenate(list(runs[:, :-1]))
y = np.concatenate(list(runs[:, 1:]))


def plain(values):
    order = np.argsort(-np.abs(values), kind="stable")
    return [[float(v.real), float(v.imag)] for v in np.asarray(values, complex)[order]]


exact = pydmd.DMD(svd_rank=-1, exact=True).fit(x.T, y.T)
one = deeptime.DMD(mode="exact").fit((x, y)).fetch_model()
extended = deeptime.EDMD(Monomials(degree, x.shape[1])).fit((x, y)).fetch_model()
print(
    json.dumps(
        {
            "PyDMD DMD": plain(exact.eigs),
            "deeptime DMD": plain(one.eigenvalues),
            "deeptime EDMD": plain(extended.eigenvalues),
        }
    )
)
