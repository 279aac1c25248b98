"""Every public function refuses in a sentence what is no argument.

No way in which a right one is handed over, nor NumPy's floating-point state, changes the result.
"""

import dataclasses

import numpy as np
import pytest
from support.doors import SMALL, WITHOUT_DOOR, WRONG, doors, public_names

import nmflab as nl
from nmflab.core.nmf import Traced
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import Scores

EACH = pytest.mark.parametrize("door", doors())


def dump(result):
    """Give all that a result holds as bytes."""
    if isinstance(result, np.ndarray):
        return np.ascontiguousarray(result).tobytes()
    if isinstance(result, tuple | list):
        return b"".join(dump(part) for part in result)
    if dataclasses.is_dataclass(result):
        names = [field.name for field in dataclasses.fields(result) if field.name[0] != "_"]
        names += ["objective", "divergence"] if isinstance(result, Traced) else []
        return dump([getattr(result, name) for name in names])
    if isinstance(result, nl.Stft):
        return dump([result.window, result.hop])
    if isinstance(result, Scores):
        return dump(list(result.to_dict().values()))
    return repr(result).encode()


def test_every_public_function_is_among_them():
    further = {"train_dictionary"}  # is none, but called by all that train
    assert public_names() == (set(doors()) | set(WITHOUT_DOOR)) - further


@EACH
def test_a_wrong_argument_is_taken_or_refused_in_a_sentence(door, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, good = doors()[door]
    if door == "load_model":
        good = {"path": "nosuch"}
    raw = []
    for name in good:
        for wrong in WRONG:
            if name == "n_iter" and wrong is WRONG[8]:
                continue  # it would iterate for ever, as is asked
            try:
                function(**good | {name: wrong})
            except NmflabError as refused:
                if "\n" in str(refused):
                    raw.append(f"{name}={wrong!r}: {refused}")
            except Exception as error:
                raw.append(f"{name}={wrong!r}: {type(error).__name__}: {error}")
    assert raw == []


@EACH
@pytest.mark.parametrize("state", ["raise", "ignore", "warn"])
def test_the_caller_s_floating_point_state_changes_nothing(door, state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, good = doors()[door]
    if door == "load_model":
        doors()["SeparationModel.save"][0](path="model.npz")
        good = {"path": "model.npz"}
    expected = dump(function(**good))
    with np.errstate(all=state):
        assert dump(function(**good)) == expected
        assert set(np.geterr().values()) == {state}


OWN_PRECISION = ("GammaPrior", "ExponentialPrior", "wiener_gain", "oracle_mask")
"""Those that compute in the type that they are given."""


def strided(array):
    room = np.zeros([2 * n for n in array.shape], array.dtype)
    view = room[(slice(None, None, 2),) * array.ndim]
    view[...] = array
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def wide(array):
    return array.astype(np.result_type(array, np.float64))


def swapped(array):
    return array.astype(array.dtype.newbyteorder())


def reversed_twice(array):
    return array[::-1].copy()[::-1]


WAYS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "backwards": reversed_twice,
    "read-only": read_only,
    "wide": wide,
    "other byte order": swapped,
    "matrix": lambda array: np.asmatrix(array) if array.ndim == 2 else array,
    "masked": np.ma.asarray,
    "list": lambda array: array.tolist(),
}


@EACH
@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_hand_over_an_array_changes_the_result(door, way):
    function, good = doors()[door]
    arrays = [name for name, value in good.items() if isinstance(value, np.ndarray)]
    expected = function(**good) if arrays else None
    for name in arrays:
        found = function(**good | {name: WAYS[way](good[name])})
        if way in ("wide", "list") and door.startswith(OWN_PRECISION):
            np.testing.assert_allclose(values(found), values(expected), rtol=1e-5)
        else:
            assert dump(found) == dump(expected), name


def values(result):
    if dataclasses.is_dataclass(result):
        return np.concatenate([result.scale, result.shape])
    return result


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_hand_over_training_audio_changes_the_model(way):
    function, good = doors()["train_model"]
    signals = {name: [WAYS[way](good[name][0])] for name in ("speech", "noise")}
    assert dump(function(**good | signals)) == dump(function(**good))


def test_the_lengths_of_peers_are_taken_and_others_refused():
    stft = nl.Stft.from_settings(SMALL)
    X = stft.analyse(np.ones(1600))
    assert np.array_equal(stft.synthesise(X, 1600.0), stft.synthesise(X, 1600))
    with pytest.raises(NmflabError, match="length is -5 but must be a whole number"):
        stft.synthesise(X[:, :3], -5)


@pytest.mark.parametrize("seed", [-1, 1.5, "x", None, [1, 2]])
def test_a_seed_that_is_none_is_refused(seed):
    for work in (lambda: nl.train_nmf(np.ones((3, 4)), 2, seed=seed),
                 lambda: nl.encode(np.ones((3, 4)), np.ones((3, 2)), seed=seed)):  # fmt: skip
        with pytest.raises(NmflabError, match=r"^seed is"):
            work()
