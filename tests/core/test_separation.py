"""Separation adds up, forgets the level, repeats itself, and says what is wrong with its input."""

import json
import os
import pickle
import weakref
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmflab as nl
from nmflab.core import nmf_encoding, pipeline
from nmflab.core.model import (
    SeparationModel,
    mean_activation,
    train_dictionary,
    training_spectrogram,
)
from nmflab.core.nmf import encode
from nmflab.core.pipeline import (
    encode_mixture,
    scaled_prior,
    separate,
    settings_in_force,
    speech_log_ratio,
)
from nmflab.core.stft import Stft
from nmflab.core.wiener import gain_from_log_ratio, wiener_gain
from nmflab.corpus.dictionaries import train_model
from nmflab.corpus.model_files import load_model
from nmflab.errors import NmflabError
from nmflab.priors.variants import VARIANTS
from nmflab.settings import ENCODING, Settings, settings_of
from nmflab.system import archives

MODES = pytest.mark.parametrize("mode", VARIANTS)
SMALL = Settings(
    fft=64,
    win_size=64,
    overlap=48,
    num_basis_speech=6,
    num_basis_noise=4,
    max_iter_train=15,
    max_iter_test=12,
    penalty=0.1,
    epsilon=0.0,
)
# 30 iterations of float32 from starts that differ in their last digit; W is all but the same
SAME_GAIN = 1e-4


def voice(seed, n=3000):
    """Tones that come and go."""
    rng, t = np.random.default_rng(seed), np.arange(n)
    tones = [
        np.sin(f * t) * np.sin(t / rng.uniform(100, 400)) ** 2 for f in rng.uniform(0.05, 2, 5)
    ]
    return (0.1 * sum(tones) + 1e-3 * rng.standard_normal(n)).astype(np.float32)


def hiss(seed, n=3000):
    noise = np.random.default_rng(seed).standard_normal(n + 1)
    return (0.1 * (noise[1:] + 0.9 * noise[:-1])).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return train_model([voice(0), voice(1)], [hiss(2)], SMALL)


@pytest.fixture(scope="module")
def mixture():
    return voice(3) + hiss(4)


def arrays_of(result):
    names = ("speech", "noise", "H", "gain", "divergence", "mixture")
    return {name: getattr(result, name) for name in names}


def bytes_of(model):
    return b"".join(
        np.ascontiguousarray(array).tobytes()
        for source in (model.speech, model.noise)
        for array in (source.W, source.H, source.divergence, np.float64(source.rms))
    )


# What nobody reads


@pytest.mark.parametrize("solver", ["plain", "accelerated"])
@MODES
def test_separation_computes_its_objective_when_it_is_read(
    model, mixture, mode, solver, monkeypatch
):
    """With the default ε; until then it keeps no V, and it may go to another process."""
    override = SMALL.replace(nmf_mode=mode, solver=solver, epsilon=Settings().epsilon)
    magnitudes = []

    def encoded(model, V, *args, **options):
        magnitudes.append(weakref.ref(V))
        return encode_mixture(model, V, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(nmf_encoding.EncodingBlock, "measure", None)
        patched.setattr(pipeline, "encode_mixture", encoded)
        found = separate(model, mixture, override)
    assert magnitudes[0]() is None
    elsewhere = pickle.loads(pickle.dumps(found))
    V = np.abs(Stft.from_settings(SMALL).analyse(mixture))
    encoding = encode_mixture(model, V, override)
    for name in ("objective", "divergence"):
        values = getattr(encoding, name)
        assert len(values) == SMALL.max_iter_test
        assert getattr(found, name).tobytes() == values.tobytes()
        assert getattr(elsewhere, name).tobytes() == values.tobytes()


# Adding up


@settings(max_examples=40)
@given(
    seed=st.integers(0, 99),
    n=st.integers(1, 4000),
    p=st.floats(0.01, 100),
    mode=st.sampled_from(list(VARIANTS)),
    update=st.sampled_from(["mm", "mu"]),
    solver=st.sampled_from(["plain", "accelerated"]),
    level=st.sampled_from([1e-4, 1.0, 1e4]),
)
def test_speech_and_noise_add_up_to_the_mixture(model, seed, n, p, mode, update, solver, level):
    x = np.float32(level) * (voice(seed, n) + hiss(seed + 1, n))
    found = separate(model, x, SMALL.replace(nmf_mode=mode, p=p, update=update, solver=solver))
    assert found.speech.shape == found.noise.shape == x.shape
    assert np.abs(found.speech + found.noise - x).max() <= 1e-6 * np.abs(x).max()


@MODES
def test_the_noise_is_the_inverse_of_the_rest_of_the_gain(model, mixture, mode):
    found = separate(model, mixture, SMALL.replace(nmf_mode=mode))
    stft = Stft.from_settings(SMALL)
    rest = stft.synthesise((1 - found.gain) * found.mixture, len(mixture))
    np.testing.assert_allclose(found.noise, rest, atol=2e-6 * np.abs(mixture).max())
    assert np.array_equal(found.mixture, stft.analyse(mixture))


@MODES
def test_the_gain_is_wiener_s_of_the_two_parts_of_the_activations(model, mixture, mode):
    found = separate(model, mixture, SMALL.replace(nmf_mode=mode, p=1.3))
    S, N = model.speech.W @ found.H[:6], model.noise.W @ found.H[6:]
    np.testing.assert_allclose(found.gain, S**1.3 / (S**1.3 + N**1.3), atol=1e-5)
    np.testing.assert_allclose(found.gain, wiener_gain(S, N, p=1.3), atol=1e-6)
    L = speech_log_ratio(model, found)
    assert np.array_equal(found.gain, gain_from_log_ratio(L, p=1.3))


def test_a_mixture_of_what_was_trained_on_is_taken_apart(model):
    """Better than the mixture by far; how well on real speech is measured elsewhere."""
    speech, noise = voice(0), hiss(2)
    found = separate(model, speech + noise)
    assert np.sum((found.speech - speech) ** 2) < 0.4 * np.sum(noise**2)
    assert np.corrcoef(found.noise, noise)[0, 1] > 0.8


# Level


@pytest.mark.parametrize("update", ["mm", "mu"])
@pytest.mark.parametrize("level", [1e-4, 0.03, 30.0, 1e4])
@MODES
def test_the_level_of_the_mixture_changes_nothing_in_the_gain(model, mixture, mode, level, update):
    override = SMALL.replace(nmf_mode=mode, update=update)
    gain = separate(model, mixture, override).gain
    np.testing.assert_allclose(
        separate(model, level * mixture, override).gain, gain, atol=SAME_GAIN
    )


@pytest.mark.parametrize("level", [1e-4, 1e4])
@pytest.mark.parametrize("source", ["speech", "noise", "both"])
def test_the_level_of_the_training_audio_changes_nothing_in_the_gain(model, mixture, source, level):
    a, b = (level if source in (name, "both") else 1.0 for name in ("speech", "noise"))
    other = train_model([a * voice(0), a * voice(1)], [b * hiss(2)], SMALL)
    for mode in VARIANTS:
        override = SMALL.replace(nmf_mode=mode)
        expected = separate(model, mixture, override).gain
        np.testing.assert_allclose(
            separate(other, mixture, override).gain, expected, atol=SAME_GAIN
        )


@pytest.mark.parametrize("solver", ["plain", "accelerated"])
@MODES
def test_a_level_that_is_a_power_of_2_scales_all_activations(model, mixture, mode, solver):
    """Nothing is rounded then, and only the logarithms know of the level."""
    override = SMALL.replace(nmf_mode=mode, solver=solver)
    found, loud = (separate(model, f * mixture, override) for f in (1.0, 2.0**13))
    np.testing.assert_allclose(loud.H, 2.0**13 * found.H, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(loud.gain, found.gain, atol=SAME_GAIN)


@pytest.mark.parametrize("level", [1e-4, 1e4])
@MODES
def test_the_level_changes_nothing_with_the_default_epsilon_either(model, mixture, mode, level):
    override = SMALL.replace(nmf_mode=mode, epsilon=Settings().epsilon)
    found, other = (separate(model, f * mixture, override) for f in (1.0, level))
    assert len(found.divergence) == len(other.divergence)
    np.testing.assert_allclose(other.gain, found.gain, atol=SAME_GAIN)


@pytest.mark.parametrize("level", [1e-4, 1e4])
def test_the_level_of_training_changes_nothing_with_the_default_epsilon_either(model, level):
    default = SMALL.replace(epsilon=Settings().epsilon)
    found, other = (train_dictionary([f * voice(0)], 6, default) for f in (1.0, level))
    assert len(found.divergence) == len(other.divergence)
    np.testing.assert_allclose(found.W, other.W, atol=1e-4)


def test_the_raw_penalty_is_the_paper_s_on_the_priors_of_h_itself(model, mixture):
    V = np.abs(Stft.from_settings(SMALL).analyse(mixture))
    for mode, fit in (("NMF_e", nl.ExponentialPrior.fit), ("NMF_g", nl.GammaPrior.fit)):
        raw = SMALL.replace(nmf_mode=mode, penalty_scale="raw", penalty=0.02)
        prior, penalty = scaled_prior(model, raw, mean_activation(V, model.W.shape[1]))
        assert penalty == 0.02
        fitted = [fit(source.H) for source in (model.speech, model.noise)]
        for name in ("scale", "shape"):
            expected = np.concatenate([getattr(one, name) for one in fitted])
            np.testing.assert_allclose(getattr(prior, name), expected, rtol=1e-4)


@MODES
def test_the_encoding_of_a_mixture_is_encode_with_the_scaled_prior(model, mixture, mode):
    V = np.abs(Stft.from_settings(SMALL).analyse(mixture))
    override = SMALL.replace(nmf_mode=mode)
    prior, penalty = scaled_prior(model, override, mean_activation(V, model.W.shape[1]))
    expected = encode(V, model.W, prior=prior, penalty=penalty, n_iter=12)
    found = encode_mixture(model, V, override)
    assert np.array_equal(found.H, expected.H)
    assert np.array_equal(separate(model, mixture, override).H, expected.H)


# λ = 0, seeds, repetition


@pytest.mark.parametrize("solver", ["plain", "accelerated"])
@pytest.mark.parametrize("update", ["mm", "mu"])
@pytest.mark.parametrize("scale", ["relative", "raw"])
@MODES
def test_no_penalty_is_plain_nmf_to_the_bit(model, mixture, mode, update, solver, scale):
    plain = SMALL.replace(nmf_mode="NMF", update=update, solver=solver, penalty_scale=scale)
    expected = arrays_of(separate(model, mixture, plain))
    found = arrays_of(separate(model, mixture, plain.replace(nmf_mode=mode, penalty=0.0)))
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("mode", ["NMF_g", "NMF_e"])
@pytest.mark.parametrize("scale", ["relative", "raw"])
def test_a_penalty_does_something(model, mixture, mode, scale):
    override = SMALL.replace(nmf_mode=mode, penalty_scale=scale)
    plain = separate(model, mixture, override.replace(penalty=0.0)).gain
    gains = [separate(model, mixture, override.replace(penalty=x)).gain for x in (1e-9, 0.3)]
    assert np.abs(gains[0] - plain).max() < 1e-3
    assert np.abs(gains[1] - plain).max() > 0.01


@MODES
def test_one_seed_gives_one_result_to_the_byte_and_another_seed_another(mixture, mode):
    sources = [voice(0), voice(1)], [hiss(2)]
    trained = [train_model(*sources, SMALL.replace(seed=s, nmf_mode=mode)) for s in (1, 1, 2)]
    first, again, other = (
        b"".join([bytes_of(m), *(a.tobytes() for a in arrays_of(separate(m, mixture)).values())])
        for m in trained
    )
    assert first == again
    assert bytes_of(trained[0]) != bytes_of(trained[2])
    assert first != other


def test_speech_and_noise_are_trained_apart(model):
    other = train_model([voice(0), voice(1)], [hiss(77)], SMALL)
    for name in ("W", "H", "divergence"):
        assert np.array_equal(getattr(other.speech, name), getattr(model.speech, name))
    alone = train_dictionary([hiss(2)], 4, SMALL, name="noise")
    assert np.array_equal(alone.W, model.noise.W)


def test_the_activations_left_over_from_training_are_kept(model):
    frames = Stft.from_settings(SMALL).num_frames(3000)
    assert model.speech.H.shape == (6, 2 * frames)
    assert model.noise.H.shape == (4, frames)
    np.testing.assert_allclose(model.W.sum(axis=0), 1.0, atol=1e-5)
    assert np.array_equal(model.W, np.hstack([model.speech.W, model.noise.W]))


@pytest.mark.parametrize("dtype", [np.float64, "list", "strided"])
def test_the_dtype_of_the_audio_changes_no_bit(model, mixture, dtype):
    ways = {"list": lambda a: a.tolist(), "strided": lambda a: np.repeat(a, 3)[::3]}
    way = ways.get(dtype, lambda a: a.astype(dtype))
    other = train_model([way(voice(0)), way(voice(1))], [way(hiss(2))], SMALL)
    assert bytes_of(other) == bytes_of(model)
    a, b = arrays_of(separate(model, mixture)), arrays_of(separate(other, way(mixture)))
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_nothing_that_is_passed_is_changed(mixture):
    x = mixture.copy()
    sources = [voice(0), voice(1)], [hiss(2)]
    for array in (x, *sources[0], *sources[1]):
        array.flags.writeable = False
    trained = train_model(*sources, SMALL)
    before = bytes_of(trained)
    for mode in VARIANTS:
        separate(trained, x, SMALL.replace(nmf_mode=mode))
    assert bytes_of(trained) == before
    assert np.array_equal(x, mixture)


def test_a_result_may_be_changed_without_changing_the_mixture(model, mixture):
    x = mixture.copy()
    found = separate(model, x)
    for array in arrays_of(found).values():
        array[...] = 0
    assert np.array_equal(x, mixture)


# Silence


@pytest.mark.parametrize("solver", ["plain", "accelerated"])
@pytest.mark.parametrize("update", ["mm", "mu"])
@pytest.mark.parametrize("scale", ["relative", "raw"])
@MODES
def test_digital_silence_anywhere_gives_no_nan(mode, update, scale, solver):
    choice = SMALL.replace(nmf_mode=mode, update=update, penalty_scale=scale, solver=solver)
    silence = np.zeros(1000, dtype=np.float32)
    trained = train_model(
        [np.concatenate([silence, voice(0)]), silence], [np.concatenate([hiss(2), silence])], choice
    )
    part = np.concatenate([silence, voice(3) + hiss(4), silence])
    for x in (part, silence, silence[:1]):
        found = separate(trained, x)
        assert all(np.isfinite(array).all() for array in arrays_of(found).values())
        assert (found.H >= 0).all()
        assert ((found.gain >= 0) & (found.gain <= 1)).all()
        assert not found.speech[:900].any() or x is part
    assert not separate(trained, silence).noise.any()
    edge = separate(trained, part).speech[:900]
    np.testing.assert_allclose(edge, 0, atol=1e-6)


@pytest.mark.parametrize("x", [1e-5, 1.0])
def test_a_mixture_of_one_sample_is_taken_apart(model, x):
    found = separate(model, np.array([x]))
    assert np.isfinite(found.speech).all()
    assert found.speech + found.noise == pytest.approx(x)


# What the settings of a call may change


def test_an_override_takes_only_the_encoding_parameters(model):
    other = Settings(
        nmf_mode="NMF_g", sampling_rate=8000, fft=2048, window="hann", win_size=1024, overlap=512,
        max_iter_train=3, max_iter_test=7, num_basis_speech=9, num_basis_noise=9, epsilon=0.25,
        penalty=0.7, p=1.5, snr=5.0, seed=9, update="mu", penalty_scale="raw",
        activation_floor=0.01, solver="accelerated", num_basis_free=1, context=2, keep=10.0,
    )  # fmt: skip
    used = settings_in_force(model, other).to_dict()
    for name, value in used.items():
        origin = other if name in settings_of(*ENCODING) else model.settings
        assert value == getattr(origin, name)
        assert getattr(other, name) != getattr(model.settings, name), "the test shows nothing"
    fixed = {"sampling_rate", "fft", "window", "win_size", "overlap", "max_iter_train", "seed",
             "num_basis_speech", "num_basis_noise", "context"}  # fmt: skip
    assert set(settings_of(*ENCODING)) == set(used) - fixed


def test_without_an_override_the_model_s_own_settings_count(model, mixture):
    assert settings_in_force(model, None) == model.settings == SMALL
    assert separate(model, mixture).settings == SMALL


def test_a_result_tells_the_settings_that_were_really_used(model, mixture):
    found = separate(model, mixture, Settings(p=1.5, max_iter_test=7))
    assert (found.settings.p, found.settings.max_iter_test, found.settings.fft) == (1.5, 7, 64)
    assert len(found.divergence) == 7


def test_the_defaults_train_a_model_when_no_settings_are_given():
    model = train_model([voice(0, 9000)], [hiss(1, 9000)], Settings(max_iter_train=1))
    assert model.speech.W.shape == model.noise.W.shape == (257, 128)


def test_progress_names_each_stage(mixture):
    seen = []
    trained = train_model(
        [voice(0)], [hiss(1)], SMALL.replace(max_iter_train=2), progress=lambda *x: seen.append(x)
    )
    assert seen == [
        ("training speech", 1, 2), ("training speech", 2, 2),
        ("training noise", 1, 2), ("training noise", 2, 2),
    ]  # fmt: skip
    seen.clear()
    separate(trained, mixture, progress=lambda *x: seen.append(x))
    assert {stage for stage, _, _ in seen} == {"separating"}
    assert seen[-1][1] == seen[-1][2] == len(seen)


def test_a_prior_is_fitted_once_for_each_floor(model):
    gamma = model.speech.prior("NMF_g", activation_floor=0.1)
    assert model.speech.prior("NMF_g", activation_floor=0.1) is gamma
    assert model.speech.prior("NMF_g", activation_floor=0.01) is not gamma
    assert model.speech.prior("NMF_e") is model.speech.prior("NMF_e", activation_floor=0.3)


# Errors


def one_sentence(refused):
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


SILENT = np.zeros(3000)
STEREO = np.ones((3000, 2))


@pytest.mark.parametrize("name", ["speech", "noise"])
@pytest.mark.parametrize(
    ("signals", "message"),
    [
        ([], "no training {}"),
        ([SILENT], "The training {} is silent"),
        ([SILENT, SILENT], "The training {} is silent"),
        ([voice(0), STEREO], r"{}\[1\] has the shape \(3000, 2\)"),
        ([np.zeros(0)], r"{}\[0\] is empty"),
        ([voice(0), [0.0, np.nan]], r"{}\[1\] holds NaN"),
        ([[0.0, np.inf]], r"{}\[0\] holds NaN or infinity"),
        ([np.array(["a"])], r"{}\[0\] is of type"),
        ([voice(0, 20)], r"num_basis_{} is \d but the training {} has only \d frames"),
        (voice(0), r"{}\[0\] has the shape \(\)"),
    ],
)
def test_training_refuses_what_it_cannot_use_by_name(name, signals, message):
    sources = {"speech": [voice(0)], "noise": [hiss(1)]} | {name: signals}
    few = SMALL.replace(num_basis_speech=9, num_basis_noise=9)
    with pytest.raises(NmflabError, match=message.format(name, name)) as refused:
        train_model(**sources, settings=few)
    one_sentence(refused)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (STEREO, r"^mixture has the shape \(3000, 2\)"),
        (np.zeros(0), "^mixture is empty"),
        ([], "^mixture is empty"),
        ([0.0, np.nan, np.nan], "^mixture holds NaN or infinity in 2 of 3 samples"),
        ([0.0, -np.inf], "^mixture holds NaN or infinity"),
        (np.array(["a"]), "^mixture is of type"),
        (np.array([1j]), "^mixture is of type"),
        ([[0.0], [0.0, 1.0]], "^mixture is ragged"),
        (1.0, r"^mixture has the shape \(\)"),
    ],
)
def test_a_mixture_that_is_none_is_refused_by_name(model, x, message):
    with pytest.raises(NmflabError, match=message) as refused:
        separate(model, x)
    one_sentence(refused)


@pytest.mark.parametrize("shape", [(32, 5), (5,), (33, 0)])
def test_a_spectrogram_that_does_not_fit_the_model_is_refused(model, shape):
    with pytest.raises(NmflabError) as refused:
        encode_mixture(model, np.ones(shape), model.settings)
    one_sentence(refused)


# Files


@pytest.fixture
def saved(model, tmp_path):
    return model.save(tmp_path / "model.npz")


def refusal(path):
    """Give the message, once it is known to be one sentence that names the file and a remedy."""
    with pytest.raises(NmflabError) as refused:
        load_model(path)
    message = one_sentence(refused)
    assert path.name in message
    assert "nmflab train" in message
    return message


def rewrite(path, **changes):
    """Change arrays of a saved model, or take them out where the change is None."""
    with np.load(path) as archive:
        arrays = dict(archive) | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def rewrite_header(path, **changes):
    with np.load(path) as archive:
        header = json.loads(str(archive["header"])) | changes
    return rewrite(path, header=np.array(json.dumps(header)))


def test_a_saved_model_is_the_same_to_the_byte(model, saved, mixture):
    loaded = load_model(saved)
    assert isinstance(loaded, SeparationModel)
    assert bytes_of(loaded) == bytes_of(model)
    assert loaded.settings == model.settings
    a, b = (arrays_of(separate(m, mixture)) for m in (model, loaded))
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)


def test_two_saves_give_the_same_bytes(model, saved, tmp_path):
    again = model.save(str(tmp_path / "new" / "folder" / "model.npz"))
    assert again.read_bytes() == saved.read_bytes()
    assert load_model(saved).save(again).read_bytes() == saved.read_bytes()


def test_a_model_may_have_any_ending(model, tmp_path):
    path = model.save(tmp_path / "model")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert bytes_of(load_model(str(path))) == bytes_of(model)


def test_a_saved_model_holds_no_pickle(saved):
    with zipfile.ZipFile(saved) as archive:
        assert all(not archive.read(n).startswith(pickle.PROTO) for n in archive.namelist())
    with np.load(saved, allow_pickle=False) as archive:
        assert all(not archive[name].dtype.hasobject for name in archive.files)


def test_a_truncated_model_is_refused_at_every_length(saved):
    whole = saved.read_bytes()
    lengths = {*range(0, len(whole), len(whole) // 60), 1, 4, 22, len(whole) - 1, len(whole) - 22}
    for length in sorted(lengths):
        saved.write_bytes(whole[:length])
        refusal(saved)


def test_a_damaged_model_is_refused_or_loads_without_its_damage_mattering(saved, rng):
    whole = saved.read_bytes()
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        saved.write_bytes(damaged)
        try:
            load_model(saved)
        except NmflabError:
            refusal(saved)


@pytest.mark.parametrize("position", ["flag", "method"])
def test_a_zip_that_asks_for_what_python_lacks_is_refused(saved, position):
    damaged = bytearray(saved.read_bytes())
    for signature, flag, method in ((b"PK\3\4", 6, 8), (b"PK\1\2", 8, 10)):
        entry = damaged.index(signature)
        if position == "flag":
            damaged[entry + flag] |= 1  # encrypted
        else:
            damaged[entry + method] = 99
    saved.write_bytes(damaged)
    refusal(saved)


def test_a_missing_model_is_refused(tmp_path):
    assert "There is no" in refusal(tmp_path / "nosuch.npz")


def test_a_folder_is_refused(tmp_path):
    refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVEfmt ", b"PK\3\4", b"\x80\x04.", b"{}\n"])
def test_a_file_that_is_something_else_is_refused(tmp_path, content):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes.")
def test_a_model_that_is_no_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(NmflabError, match="not a file"):
            load_model(path)


def test_a_single_array_and_a_pickle_are_refused(tmp_path):
    path = tmp_path / "model.npy"
    np.save(path, np.ones(3))
    refusal(path)
    path.write_bytes(pickle.dumps({"W": 1}))
    refusal(path)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["header", "speech_W", "noise_divergence"])
def test_a_pickled_array_is_refused_and_never_opened(saved, name):
    refusal(rewrite(saved, **{name: np.array([Bomb()], dtype=object)}))


@pytest.mark.parametrize("version", [0, 2, 99, "1", None])
def test_another_version_is_refused_and_told(saved, version):
    message = refusal(rewrite_header(saved, version=version))
    assert "version" in message


@pytest.mark.parametrize(
    "header", ["", "[]", "null", "{", '{"format": "other"}', '{"format": "nmflab model"}', "1"]
)
def test_a_header_that_is_none_is_refused(saved, header):
    refusal(rewrite(saved, header=np.array(header)))


@pytest.mark.parametrize(
    "changes",
    [{"p": -1.0}, {"new_parameter": 1}, {"fft": 32}, {"overlap": "a"}],
    ids=str,
)
def test_settings_that_are_none_are_refused_with_the_file_s_name(saved, model, changes):
    refusal(rewrite_header(saved, settings=model.settings.to_dict() | changes))


@pytest.mark.parametrize("settings", [None, 1, "a", [], [1]])
def test_settings_that_are_no_dictionary_are_refused(saved, settings):
    refusal(rewrite_header(saved, settings=settings))


@pytest.mark.parametrize("name", ["header", "speech_W", "speech_H", "noise_W", "noise_divergence"])
def test_a_missing_array_is_refused(saved, name):
    refusal(rewrite(saved, **{name: None}))


T = Stft.from_settings(SMALL).num_frames(3000)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("speech_W", np.ones((33, 5), np.float32)),
        ("speech_W", np.ones((32, 6), np.float32)),
        ("speech_W", np.ones((6, 33), np.float32)),
        ("speech_W", np.full((33, 6), np.nan, np.float32)),
        ("speech_W", -np.ones((33, 6), np.float32)),
        ("speech_W", np.zeros((33, 6), np.float32)),
        ("speech_W", np.full((33, 6), "a")),
        ("speech_W", np.ones((33, 6), complex)),
        ("speech_H", np.ones((5, 2 * T), np.float32)),
        ("speech_H", np.ones(6, np.float32)),
        ("speech_H", np.float32(1)),
        ("speech_H", np.ones((6, 0), np.float32)),
        ("speech_H", np.ones((6, 2, 2), np.float32)),
        ("speech_H", np.zeros((6, 2), np.float32)),
        ("speech_H", -np.ones((6, 2), np.float32)),
        ("speech_H", np.full((6, 2), np.inf, np.float32)),
        ("speech_divergence", np.array("a")),
        ("noise_W", np.ones((33, 6), np.float32)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype}{value.shape}",
)
def test_arrays_that_do_not_fit_the_header_are_refused(saved, name, array):
    refusal(rewrite(saved, **{name: array}))


def test_an_interrupted_save_leaves_the_old_file_and_no_other(saved, model, monkeypatch):
    before = saved.read_bytes()

    def interrupted(file, **_):
        file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(archives.np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.save(saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_model_that_cannot_be_written_is_refused(model, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NmflabError, match="folder") as refused:
        model.save(tmp_path)
    one_sentence(refused)
    with pytest.raises(NmflabError, match="can't be written") as refused:
        model.save(tmp_path / "file" / "model.npz")
    one_sentence(refused)


@pytest.mark.parametrize(("scale", "unit"), [("raw", 1.0), ("relative", None)])
def test_training_ends_at_an_epsilon_in_the_unit_of_its_scale(scale, unit):
    """Raw, ε counts in D itself; relative, in the mean activation of the training audio."""
    settings = SMALL.replace(penalty_scale=scale, max_iter_train=30, solver="plain")
    x = [voice(0, 3000)]
    V = training_spectrogram(x, settings, "speech")
    unit = unit or mean_activation(V, 2)
    D = train_dictionary(x, 2, settings).divergence
    asked = 0.5 * (D[4] + D[5])  # reached at D[5], of which an iteration more learns
    found = train_dictionary(x, 2, settings.replace(epsilon=float(asked / unit)))
    np.testing.assert_allclose(found.divergence, D[:7], rtol=1e-6)


def test_one_sample_that_overflows_is_enough_to_refuse_training_audio():
    loud = voice(0, 3000).astype(np.float64)
    loud[1500:1600] = 3e38
    with pytest.raises(NmflabError, match="so loud that its spectrogram overflows"):
        train_model([loud], [hiss(2, 3000)], SMALL.replace(win_size=64, overlap=32, fft=64))


def test_an_objective_that_is_computed_later_counts_in_the_same_unit():
    """Also where frames are seen together; a gamma prior feels the unit that a caller says."""
    settings = SMALL.replace(context=3, penalty=0.2, nmf_mode="NMF_g")
    trained = train_model([voice(0)], [hiss(2)], settings)
    V = np.abs(Stft.from_settings(settings).analyse(voice(3)))
    late, at_once = (
        encode_mixture(trained, V, settings, unit=7.0, trace=trace) for trace in (False, True)
    )
    np.testing.assert_allclose(late.objective, at_once.objective, rtol=1e-6)
