from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.koopman import Koopman
from separatrix.koopman.model_file import load


def test_what_is_saved_comes_back(model, tmp_path):
    for place in (tmp_path / "one.safetensors", tmp_path / "learned_model_server1.pkl", tmp_path):
        model.save(place)
        again = Koopman.load(place)
        x = np.arange(13.0)[:, None]
        assert np.array_equal(again.predict(x, 7), model.predict(x, 7))
        assert np.array_equal(again.timescales_, model.timescales_)
        assert np.array_equal(again.modes_, model.modes_)
        assert again.to_dict() == model.to_dict()
        assert np.array_equal(again.starts_, model.starts_)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


def test_foreign_and_damaged_files_are_refused(model, tmp_path):
    from safetensors.numpy import save

    place = tmp_path / "model.pkl"
    model.save(place)
    good = place.read_bytes()
    for content in (
        pickle.dumps(Bomb()), b"", b"{}", good[:100], good[:-8], good[:8] + b"x" + good[9:],
        save({"a": np.zeros(3)}), save({"a": np.zeros(3)}, metadata={"separatrix": "no JSON"}),
        save({"a": np.zeros(3)}, metadata={"separatrix": json.dumps({"format": "other"})}),
        save({"a": np.zeros(3)}, metadata={"separatrix": "[]"}),
    ):  # fmt: skip
        place.write_bytes(content)
        with pytest.raises(DataError, match=r"model.pkl: .*never unpickled"):
            load(place)
    with pytest.raises(DataError, match="No such file"):
        load(tmp_path / "none.pkl")


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("generator", lambda x: -x, "not stable"),
        ("generator", lambda x: x[:2], "shape"),
        ("generator", lambda x: x * np.nan, "finite"),
        ("encoder.0.weight", lambda x: x[:, :0], "shape"),
        ("deviation", lambda x: 0 * x, "must be > 0"),
        ("slope", None, "KeyError"),
        ("limit", lambda x: np.append(x, 0.0), "shape"),
    ],
)
def test_tampered_tensors_are_refused(model, tmp_path, key, change, message):
    from safetensors import safe_open
    from safetensors.numpy import save

    place = tmp_path / "m.safetensors"
    model.save(place)
    with safe_open(str(place), framework="numpy") as archive:
        metadata = archive.metadata()
        tensors = {k: archive.get_tensor(k) for k in archive.keys()}  # noqa: SIM118
    old = tensors.pop(key)
    if change is not None:
        tensors[key] = np.ascontiguousarray(change(old))
    place.write_bytes(save(tensors, metadata=metadata))
    with pytest.raises(DataError, match=message):
        load(place)
