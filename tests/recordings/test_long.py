"""Block-wise separation of long recordings: the same result, whole files, bounded memory."""

import tracemalloc

import numpy as np
import pytest

import nmflab as nl
from nmflab.recordings.long import separate_file
from nmflab.settings import SOLVERS

SETTINGS = nl.Settings(
    num_basis_speech=6, num_basis_noise=4, max_iter_train=5, max_iter_test=6, penalty=0.1
)
RATE = SETTINGS.sampling_rate


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(1)
    speech = np.sin(np.arange(RATE) * 0.3) * np.sin(np.arange(RATE) * 0.002)
    return nl.train_model([speech], [0.1 * rng.standard_normal(RATE)], SETTINGS)


@pytest.fixture
def mixture(rng):
    """Two and a bit seconds that get louder, so that each block has a level of its own."""
    n = np.arange(int(2.3 * RATE) + 17)
    return (np.sin(n * 0.3) * n / n[-1] + 0.1 * rng.standard_normal(len(n))).astype(np.float32)


def streamed(model, path, tmp_path, **options):
    outputs = tmp_path / "speech.wav", tmp_path / "noise.wav"
    separate_file(model, path, *outputs, **options)
    return [nl.read_audio(output) for output in outputs]


@pytest.mark.parametrize("block", [0.05, 0.5, 1.0, 60.0])
@pytest.mark.parametrize("mode", ["NMF", "NMF_g", "NMF_e"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_blocks_give_what_the_whole_recording_gives(model, mixture, tmp_path, block, mode, solver):
    loud = 4 * mixture  # above 1 the WAV is float, and its samples aren't rounded to 16 bits
    path = nl.write_audio(tmp_path / "in.wav", loud)
    settings = SETTINGS.replace(nmf_mode=mode, solver=solver)
    speech, noise = streamed(model, path, tmp_path, settings=settings, block=block)
    whole = nl.separate(model, loud, settings)
    np.testing.assert_allclose(speech, whole.speech, atol=1e-5 * np.abs(loud).max())
    np.testing.assert_allclose(noise, whole.noise, atol=1e-5 * np.abs(loud).max())


@pytest.mark.parametrize("overlap", [128, 192, 200, 255])
def test_blocks_join_without_a_seam_at_any_hop(model, mixture, tmp_path, overlap):
    settings = SETTINGS.replace(overlap=overlap)
    short = mixture[:4000]
    other = nl.train_model([short], [short[::-1]], settings)
    path = nl.write_audio(tmp_path / "in.wav", 4 * short)
    speech, noise = streamed(other, path, tmp_path, block=0.03)
    np.testing.assert_allclose(speech, nl.separate(other, 4 * short).speech, atol=4e-5)
    np.testing.assert_allclose(speech + noise, 4 * short, atol=2**-14)  # two are rounded


def test_another_rate_and_two_channels_are_read_as_the_whole_file_is(model, mixture, tmp_path):
    import soundfile

    path = tmp_path / "in.wav"
    soundfile.write(path, np.stack([mixture, mixture[::-1]], axis=1) / 2, 44100, subtype="FLOAT")
    speech, _ = streamed(model, path, tmp_path, block=0.2)
    whole = nl.separate(model, nl.read_audio(path))
    np.testing.assert_allclose(speech, whole.speech, atol=2**-15)


@pytest.mark.parametrize("level", [1e-4, 0.25])
def test_results_have_the_bytes_that_the_whole_signal_would_have(model, mixture, tmp_path, level):
    path = nl.write_audio(tmp_path / "in.wav", level * mixture)
    separate_file(model, path, tmp_path / "s.wav", tmp_path / "n.wav", block=60)
    whole = nl.separate(model, nl.read_audio(path))
    expected = nl.write_audio(tmp_path / "expected.wav", whole.speech)
    assert (tmp_path / "s.wav").read_bytes() == expected.read_bytes()


def test_silence_comes_out_silent(model, tmp_path):
    path = nl.write_audio(tmp_path / "in.wav", np.zeros(RATE))
    speech, noise = streamed(model, path, tmp_path, block=0.2)
    assert len(speech) == len(noise) == RATE
    assert not speech.any()
    assert not noise.any()


@pytest.mark.parametrize("content", [b"", b"no audio at all"])
def test_a_bad_recording_is_named_and_leaves_nothing_behind(model, tmp_path, content):
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(nl.NmflabError, match=r"bad\.wav"):
        streamed(model, path, tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_results_and_nothing_else(model, mixture, tmp_path):
    path = nl.write_audio(tmp_path / "in.wav", mixture)
    (tmp_path / "speech.wav").write_bytes(b"old")

    def interrupt(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        streamed(model, path, tmp_path, progress=interrupt, block=0.5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.wav", "speech.wav"]
    assert (tmp_path / "speech.wav").read_bytes() == b"old"


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(model, mixture, tmp_path):
    """Peak memory of separating six times as much audio in blocks of two seconds."""
    path, peaks = tmp_path / "in.wav", []
    for times in (10, 60):
        nl.write_audio(path, np.tile(mixture / 4, times))
        tracemalloc.start()
        separate_file(model, path, tmp_path / "s.wav", tmp_path / "n.wav", block=2.0)
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    assert peaks[0] < 10  # MB, where the signals and their spectrograms alone are 90
    assert peaks[1] < peaks[0] + 1
