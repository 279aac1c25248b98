"""Block-wise separation of long recordings: the same result, whole files, bounded memory."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import nmflab as nl
from nmflab.core.pipeline import separate
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


@pytest.mark.parametrize("mode", ["NMF_g", "NMF_e"])
def test_silence_after_a_recording_changes_nothing_before_it(model, mixture, tmp_path, mode):
    settings, loud = SETTINGS.replace(nmf_mode=mode, penalty=1.0), 4 * mixture
    long = np.concatenate([loud, np.zeros(3 * RATE, np.float32)])
    path = nl.write_audio(tmp_path / "in.wav", long)
    speech, _ = streamed(model, path, tmp_path, settings=settings, block=0.5)
    whole = nl.separate(model, loud, settings)
    np.testing.assert_allclose(speech[: len(loud)], whole.speech, atol=1e-5 * np.abs(loud).max())


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


def refused(model, recording, speech, noise, monkeypatch, match):
    """Check that a separation is refused before anything is read, and that no file changes."""
    folder = recording.parent
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with monkeypatch.context() as patch:
        patch.setattr("nmflab.recordings.long.read_blocks", None)
        with pytest.raises(nl.NmflabError, match=match):
            separate_file(model, recording, speech, noise)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("ending", [".mp3", ".ogg", ".m4a", "", ".wav.part"])
def test_an_ending_that_cannot_be_written_is_refused_before_the_work(
    model, mixture, tmp_path, monkeypatch, ending
):
    path = nl.write_audio(tmp_path / "in.wav", mixture / 2)
    for endings in ((ending, ".wav"), (".wav", ending)):
        results = (tmp_path / f"out{i}{end}" for i, end in enumerate(endings))
        refused(model, path, *results, monkeypatch, r"end its name in \.wav or \.flac")


@pytest.mark.parametrize("ending", [".flac", ".FLAC", ".wav", ".WAV"])
def test_the_ending_decides_the_format_as_in_write_audio(model, mixture, tmp_path, ending):
    path = nl.write_audio(tmp_path / "in.wav", mixture / 4)
    found = tmp_path / f"s{ending}", tmp_path / f"n{ending}"
    separate_file(model, path, *found)
    whole = nl.separate(model, nl.read_audio(path))
    for name, samples in zip(found, (whole.speech, whole.noise), strict=True):
        expected = nl.write_audio(tmp_path / f"expected{ending}", samples)
        assert name.read_bytes() == expected.read_bytes()


def test_results_under_one_name_are_refused(model, mixture, tmp_path, monkeypatch):
    path = nl.write_audio(tmp_path / "in.wav", mixture / 2)
    old = nl.write_audio(tmp_path / "old.wav", mixture[:100])
    (tmp_path / "link.wav").symlink_to("old.wav")
    (tmp_path / "dangling.wav").symlink_to("new.wav")
    (tmp_path / "folder").symlink_to(tmp_path)
    for one, other in (
        ("new.wav", "new.wav"),
        ("new.wav", "folder/new.wav"),
        ("new.wav", "dangling.wav"),
        (old, "link.wav"),
    ):
        results = tmp_path / one, tmp_path / other
        refused(model, path, *results, monkeypatch, "would both be written to")


@pytest.mark.parametrize("kind", ["itself", "link", "hard link", "folder"])
def test_a_result_over_its_own_recording_is_refused(model, mixture, tmp_path, monkeypatch, kind):
    path = nl.write_audio(tmp_path / "in.wav", mixture / 2)
    over = tmp_path / ("folder/in.wav" if kind == "folder" else "in.wav")
    if kind == "folder":
        (tmp_path / "folder").symlink_to(tmp_path)
    elif kind != "itself":
        over = tmp_path / "other.wav"
        over.hardlink_to(path) if kind == "hard link" else over.symlink_to(path)
    for results in ((over, tmp_path / "n.wav"), (tmp_path / "s.wav", over)):
        refused(model, path, *results, monkeypatch, "would replace the recording itself")


def test_a_recording_too_loud_for_flac_is_refused_before_the_work(model, mixture, tmp_path):
    path = nl.write_audio(tmp_path / "in.wav", 4 * mixture)

    def no_work(*report):
        raise AssertionError(report)

    with pytest.raises(nl.NmflabError, match=r"s\.flac' holds 1 at most"):
        separate_file(model, path, tmp_path / "s.flac", tmp_path / "n.flac", progress=no_work)
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_too_loud_for_flac_is_clipped_and_said(model, mixture, tmp_path, monkeypatch):
    path = nl.write_audio(tmp_path / "in.wav", mixture / 4)
    monkeypatch.setattr("nmflab.recordings.blocks.separate", louder(separate))
    with pytest.warns(nl.NmflabWarning, match=r"s\.flac' is clipped, for the samples reach [2-9]"):
        separate_file(model, path, tmp_path / "s.flac", tmp_path / "n.wav")
    assert nl.read_audio(tmp_path / "s.flac").max() == pytest.approx(1, abs=1e-4)


def louder(separate):
    """Give a separation whose speech is ten times too loud."""

    def found(*arguments, **options):
        result = separate(*arguments, **options)
        return SimpleNamespace(speech=10 * result.speech, noise=result.noise)

    return found


@pytest.mark.parametrize("level", [0.25, 4.0])
def test_results_beyond_4_gib_are_rf64_files(model, mixture, tmp_path, monkeypatch, level):
    path = nl.write_audio(tmp_path / "in.wav", level * mixture)
    expected = streamed(model, path, tmp_path)
    monkeypatch.setattr("nmflab.audio.files.LARGEST_WAV", 5000)
    for found, wanted in zip(streamed(model, path, tmp_path), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert soundfile.info(tmp_path / "speech.wav").format == "RF64"


def test_too_little_space_is_refused_before_the_work(model, mixture, tmp_path, monkeypatch):
    path = nl.write_audio(tmp_path / "in.wav", mixture / 2)
    full = SimpleNamespace(total=10**6, used=10**6 - 1000, free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: full)

    def no_work(*report):
        raise AssertionError(report)

    with pytest.raises(nl.NmflabError, match=r"has 0\.0 MB free, but 0\.4 MB are needed"):
        separate_file(model, path, tmp_path / "s.wav", tmp_path / "n.wav", progress=no_work)
    assert list(tmp_path.iterdir()) == [path]


def test_a_cut_off_or_silent_recording_is_said_and_one_that_cancels_itself_refused(
    model, mixture, tmp_path
):
    path = nl.write_audio(tmp_path / "in.wav", mixture / 2)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.warns(
        nl.NmflabWarning, match=r"in\.wav' holds 0\.6 s, but its header promises 2\.3"
    ):
        streamed(model, path, tmp_path)
    nl.write_audio(path, np.zeros(RATE))
    with pytest.warns(nl.NmflabWarning, match=r"in\.wav' is silent"):
        separate_file(model, path, tmp_path / "s.wav", tmp_path / "n.wav")
    soundfile.write(path, np.stack([mixture, -mixture], axis=1) / 2, RATE, subtype="FLOAT")
    old = (tmp_path / "s.wav").read_bytes()
    with pytest.raises(nl.NmflabError, match="cancel each other"):
        separate_file(model, path, tmp_path / "s.wav", tmp_path / "n.wav")
    assert (tmp_path / "s.wav").read_bytes() == old


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
