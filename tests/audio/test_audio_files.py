"""Audio files come in and go out unharmed; what can't be read or written is refused by name."""

import builtins
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.sounds import RATE, tone

from nmflab.audio.files import duration, read_audio, read_blocks, write_audio
from nmflab.checks import as_signal
from nmflab.errors import NmflabError, NmflabWarning


def hide(monkeypatch, *packages):
    """Make imports of some packages fail, as where they are not installed."""
    original = builtins.__import__

    def importing(name, *args, **kwargs):
        if name in packages:
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)


def test_import_loads_no_heavy_library():
    heavy = [
        "soundfile",
        "soxr",
        "librosa",
        "scipy.signal",
        "scipy.stats",
        "mir_eval",
        "pesq",
    ]
    modules = "nmflab.audio.files, nmflab.evaluation.metrics"
    code = f"import sys, {modules};print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.wav", {"subtype": "PCM_16"}, 1e-4),
        ("a.wav", {"subtype": "PCM_24"}, 1e-6),
        ("a.wav", {"subtype": "PCM_U8"}, 1e-2),
        ("a.wav", {"subtype": "FLOAT"}, 0),
        ("a.wav", {"subtype": "DOUBLE"}, 0),
        ("a.flac", {}, 1e-4),
        ("a.wav", {"format": "NIST", "subtype": "PCM_16"}, 1e-4),  # TIMIT's SPHERE files
        ("a.sph", {"format": "NIST", "subtype": "PCM_16"}, 1e-4),
        ("a.ogg", {}, 5e-2),
    ],
)
def test_every_format_is_read_at_full_scale_one(tmp_path, name, options, tolerance):
    soundfile.write(tmp_path / name, tone(), RATE, **options)
    samples = read_audio(tmp_path / name)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, tone(), atol=tolerance, rtol=0)


def test_mp3_is_read(tmp_path):
    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile has no MP3")
    soundfile.write(tmp_path / "a.mp3", tone(seconds=1), RATE, format="MP3")
    samples = read_audio(tmp_path / "a.mp3")
    assert samples.std() == pytest.approx(tone().std(), rel=0.05)


def test_stereo_is_mixed_down_to_the_mean(tmp_path):
    left, right = tone(), tone(frequency=880)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("without", [(), ("soxr",), ("soundfile", "soxr")])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_another_rate_is_resampled_to_the_same_sound(tmp_path, monkeypatch, rate, without):
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, subtype="FLOAT")
    hide(monkeypatch, *without)
    samples = read_audio(tmp_path / "a.wav", RATE)
    assert samples.shape == tone().shape
    np.testing.assert_allclose(samples[800:-800], tone()[800:-800], atol=2e-3)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_wav_is_the_same_without_soundfile(tmp_path, monkeypatch, subtype):
    soundfile.write(tmp_path / "a.wav", np.stack([tone()] * 2, axis=1), RATE, subtype=subtype)
    expected = read_audio(tmp_path / "a.wav")
    hide(monkeypatch, "soundfile")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), expected, atol=1e-7)


def test_other_formats_without_soundfile_and_av_say_so(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.ogg", tone(), RATE)
    hide(monkeypatch, "soundfile", "av")
    with pytest.raises(NmflabError, match=r"a\.ogg.*soundfile.*convert the file to WAV"):
        read_audio(tmp_path / "a.ogg")


def test_clipped_file_is_read_as_it_is(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.clip(4 * tone(), -1, 1), RATE)
    assert np.abs(read_audio(tmp_path / "a.wav")).max() == pytest.approx(1, abs=1e-4)


def test_silent_file_is_read_as_it_is(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), RATE)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav"), np.zeros(100))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(NmflabError, match=r"no audio file '.*gone\.wav'"):
        read_audio(tmp_path / "gone.wav")


def test_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(NmflabError, match="is a folder"):
        read_audio(tmp_path)


def test_path_that_is_no_path_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NmflabError, match=r"a\.wav"):
        read_audio(tmp_path / "file" / "a.wav")


@pytest.mark.parametrize("without", [(), ("soundfile",)])
def test_corrupt_file_is_named(tmp_path, monkeypatch, without):
    (tmp_path / "bad.wav").write_bytes(b"not audio at all" * 20)
    hide(monkeypatch, *without)
    with pytest.raises(NmflabError, match=r"bad\.wav' can't be read"):
        read_audio(tmp_path / "bad.wav")


@pytest.mark.parametrize("without", [(), ("soundfile",)])
def test_truncated_wav_is_read_or_refused_by_name(tmp_path, monkeypatch, without):
    whole = write_audio(tmp_path / "a.wav", tone(seconds=0.002)).read_bytes()
    hide(monkeypatch, *without)
    for length in range(len(whole)):
        (tmp_path / "cut.wav").write_bytes(whole[:length])
        try:
            read_audio(tmp_path / "cut.wav")
        except NmflabError as error:
            assert "cut.wav" in str(error)  # noqa: PT017 (some lengths are readable)


@pytest.mark.parametrize("name", ["a.raw", "a.txt", "noending"])
def test_ending_does_not_matter_to_the_error(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x01\x02" * 50)
    with pytest.raises(NmflabError, match=name):
        read_audio(tmp_path / name)


@pytest.mark.parametrize("without", [(), ("soundfile",)])
def test_file_without_samples_is_named(tmp_path, monkeypatch, without):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    hide(monkeypatch, *without)
    with pytest.raises(NmflabError, match=r"none\.wav' is empty"):
        read_audio(tmp_path / "none.wav")


def test_file_without_bytes_is_named(tmp_path):
    (tmp_path / "none.wav").touch()
    with pytest.raises(NmflabError, match=r"none\.wav' is empty"):
        read_audio(tmp_path / "none.wav")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_file_with_nan_or_infinity_is_named(tmp_path, bad):
    samples = tone()
    samples[7] = bad
    soundfile.write(tmp_path / "bad.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(NmflabError, match=r"bad\.wav' holds NaN or infinity in 1 .*sample 7"):
        read_audio(tmp_path / "bad.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "A.WAV", "deep/er/a.wav"])
def test_pcm_survives_writing_and_reading_exactly(tmp_path, rng, name):
    pcm = rng.integers(-(2**15), 2**15, 1000).astype(np.int16)
    path = write_audio(tmp_path / name, pcm)
    np.testing.assert_array_equal(read_audio(path), as_signal(pcm))
    assert soundfile.info(path).subtype == "PCM_16"


@pytest.mark.parametrize("peak", [0.9, 3.0])
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_equal_samples_give_equal_bytes(tmp_path, peak, ending):
    if (ending, peak) == ("flac", 3.0):
        peak = 1.0
    first = write_audio(tmp_path / f"a.{ending}", tone(level=peak)).read_bytes()
    assert write_audio(tmp_path / f"b.{ending}", tone(level=peak)).read_bytes() == first


def test_loud_samples_keep_their_level_and_shape(tmp_path):
    loud = tone(level=3.0)
    np.testing.assert_array_equal(read_audio(write_audio(tmp_path / "a.wav", loud)), loud)


@pytest.mark.parametrize("level", [1e-6, 1e-4, 2.0**-9])
def test_quiet_samples_are_not_lost_in_the_steps_of_pcm(tmp_path, level):
    quiet = tone(level=level)
    np.testing.assert_array_equal(read_audio(write_audio(tmp_path / "a.wav", quiet)), quiet)


def test_silence_is_written_as_pcm(tmp_path):
    path = write_audio(tmp_path / "a.wav", np.zeros(100))
    assert soundfile.info(path).subtype == "PCM_16"


def test_loud_flac_is_refused(tmp_path):
    with pytest.raises(NmflabError, match=r"a\.flac.*\.wav"):
        write_audio(tmp_path / "a.flac", tone(level=3.0))


@pytest.mark.parametrize("name", ["a.mp3", "a"])
def test_unknown_ending_is_refused(tmp_path, name):
    with pytest.raises(NmflabError, match=r"end its name in \.wav or \.flac"):
        write_audio(tmp_path / name, tone())


@pytest.mark.parametrize("samples", [[np.nan], [np.inf], [], np.zeros((4, 2))])
def test_unusable_samples_leave_no_file(tmp_path, samples):
    with pytest.raises(NmflabError, match="samples"):
        write_audio(tmp_path / "a.wav", samples)
    assert not list(tmp_path.iterdir())


def test_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(NmflabError, match=r"a\.wav' can't be written to the folder .*taken"):
        write_audio(tmp_path / "taken" / "a.wav", tone())


def test_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(NmflabError, match=r"\(Permission denied\): choose a folder"):
        write_audio(tmp_path / "a.wav", tone())


def test_folder_by_the_file_name_is_named(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(NmflabError, match="is a folder"):
        write_audio(tmp_path / "a.wav", tone())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes.")
def test_pipe_is_neither_waited_for_nor_replaced(tmp_path):
    os.mkfifo(pipe := tmp_path / "a.wav")
    for use in (read_audio, lambda path: write_audio(path, tone()), lambda p: [*read_blocks(p)]):
        with pytest.raises(NmflabError, match=r"a\.wav' is a device or a pipe"):
            use(pipe)
    assert duration(pipe) == 0
    assert pipe.is_fifo()


@pytest.mark.skipif(sys.platform != "linux", reason="Names are Unicode here.")
def test_name_that_is_no_unicode_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.wav")
    path.write_bytes(write_audio(tmp_path / "a.wav", tone()).read_bytes())
    assert duration(path) == 0.5
    np.testing.assert_array_equal(read_audio(path), np.concatenate([*read_blocks(path)]))


def test_damaged_length_beyond_all_memory_is_said_and_what_is_there_read(tmp_path):
    path = write_audio(tmp_path / "a.flac", tone())
    expected = read_audio(path)
    content = bytearray(path.read_bytes())
    content[21:26] = (int.from_bytes(content[21:26]) | 2**36 - 1).to_bytes(5)  # samples in all
    path.write_bytes(content)
    with pytest.warns(NmflabWarning, match=r"a\.flac' holds 0\.5 s, but its header promises 42949"):
        np.testing.assert_array_equal(read_audio(path), expected)


def test_a_wav_beyond_4_gib_is_written_as_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr("nmflab.audio.files.LARGEST_WAV", 5000)
    for level in (0.5, 3.0):
        path = write_audio(tmp_path / "long.wav", tone(level=level))
        assert soundfile.info(path).format == "RF64"
        np.testing.assert_allclose(read_audio(path), tone(level=level), atol=2**-15)
        np.testing.assert_array_equal(read_audio(path), np.concatenate([*read_blocks(path)]))


@pytest.mark.parametrize("rate", [1, 2**31 - 1])
def test_damaged_sampling_rate_is_named_and_not_resampled(tmp_path, rate):
    path = write_audio(tmp_path / "a.wav", tone())
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(content)
    for use in (read_audio, lambda path: next(read_blocks(path))):
        with pytest.raises(NmflabError, match=rf"a\.wav' may be damaged: its .* rate is {rate}"):
            use(path)


@pytest.mark.parametrize("use", [read_audio, lambda path: write_audio(path, tone())])
def test_name_too_long_is_refused(tmp_path, use):
    with pytest.raises(NmflabError, match="aaa"):
        use(tmp_path / (300 * "a" + ".wav"))


def test_flac_without_soundfile_is_refused(tmp_path, monkeypatch):
    hide(monkeypatch, "soundfile")
    with pytest.raises(NmflabError, match="soundfile"):
        write_audio(tmp_path / "a.flac", tone())
