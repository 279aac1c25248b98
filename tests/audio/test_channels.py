"""Recordings come back as they were: rate, channels, bit depth, in bounded memory, whole or not."""

import io
import tracemalloc

import numpy as np
import pytest
import soundfile
from support.sounds import film, tone

from nmflab.audio.channels import new_recording, open_recording, read_channels, write_channels
from nmflab.audio.files import read_audio
from nmflab.errors import NmflabError, NmflabWarning


def stereo(rate=44100, seconds=1.3):
    return np.stack([tone(rate, seconds), tone(rate, seconds, 300, 0.25)], axis=1)


def copy(path, target):
    with open_recording(path) as source:
        form = {"rate": source.rate, "channels": source.channels, "subtype": source.subtype}
        with new_recording(target, **form) as result:
            for block in source.blocks():
                result.append(block)
    return soundfile.info(target)


STORED = [
    ("WAV", "PCM_16", "PCM_16"),
    ("WAV", "PCM_24", "PCM_24"),
    ("WAV", "PCM_32", "PCM_32"),
    ("WAV", "FLOAT", "FLOAT"),
    ("WAV", "DOUBLE", "FLOAT"),
    ("WAV", "PCM_U8", "PCM_16"),
    ("WAV", "ULAW", "PCM_16"),
    ("FLAC", "PCM_16", "PCM_16"),
    ("FLAC", "PCM_24", "PCM_24"),
    ("AIFF", "PCM_24", "PCM_24"),
    ("OGG", "VORBIS", "PCM_16"),
    ("MP3", "MPEG_LAYER_III", "PCM_16"),
]


@pytest.mark.parametrize(("form", "subtype", "kept"), STORED)
def test_a_copy_has_the_rate_the_channels_and_the_bit_depth(tmp_path, form, subtype, kept):
    soundfile.write(tmp_path / "a.bin", stereo(), 44100, subtype, format=form)
    info = copy(tmp_path / "a.bin", tmp_path / "copy.wav")
    assert (info.samplerate, info.channels, info.subtype) == (44100, 2, kept)
    read, written = (read_channels(tmp_path / name).samples for name in ("a.bin", "copy.wav"))
    assert read.shape == (57330, 2)
    steps = 2**-16 if kept == "PCM_16" else 2**-25
    np.testing.assert_allclose(written, read, atol=steps, rtol=0)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_whole_numbers_come_back_to_the_bit(tmp_path, rng, subtype, ending):
    bits = int(subtype[4:])
    numbers = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (5001, 3)).astype(np.int32)
    numbers[:2] = [[-(2 ** (bits - 1))] * 3, [2 ** (bits - 1) - 1] * 3]
    soundfile.write(tmp_path / "a.wav", numbers << (32 - bits), 48000, subtype)
    assert copy(tmp_path / "a.wav", tmp_path / f"b.{ending}").subtype == subtype
    read, _ = soundfile.read(tmp_path / f"b.{ending}", dtype="int32")
    np.testing.assert_array_equal(read >> (32 - bits), numbers)


@pytest.mark.parametrize(("form", "codec"), [("ipod", "aac"), ("webm", "libopus")])
def test_a_phone_s_stereo_comes_back_as_such_in_16_bits(tmp_path, form, codec):
    (tmp_path / "talk.m4a").write_bytes(film(stereo(48000), 48000, codec, form))
    info = copy(tmp_path / "talk.m4a", tmp_path / "talk.wav")
    assert (info.samplerate, info.channels, info.subtype) == (48000, 2, "PCM_16")
    assert info.frames == pytest.approx(1.3 * 48000, abs=2)


def test_blocks_are_the_whole_and_file_objects_the_path(tmp_path):
    soundfile.write(tmp_path / "a.wav", stereo(), 44100, "PCM_24")
    samples, rate, subtype = read_channels(tmp_path / "a.wav")
    assert (rate, subtype) == (44100, "PCM_24")
    with open_recording(io.BytesIO((tmp_path / "a.wav").read_bytes())) as recording:
        blocks = [*recording.blocks()]
        assert (recording.length, recording.channels) == (len(samples), 2)
    assert [block.shape for block in blocks] == [(44100, 2), (13230, 2)]
    np.testing.assert_array_equal(np.concatenate(blocks), samples)
    np.testing.assert_allclose(
        read_audio(tmp_path / "a.wav", 44100), samples.mean(axis=1), atol=1e-7
    )


@pytest.mark.parametrize(("level", "kept"), [(1.7, "FLOAT"), (2**-9, "FLOAT"), (0.0, "PCM_16")])
def test_what_16_bits_would_clip_or_coarsen_is_written_as_float(tmp_path, level, kept):
    samples = level * stereo() / 0.5
    write_channels(tmp_path / "a.wav", samples, 44100)
    assert soundfile.info(tmp_path / "a.wav").subtype == kept
    np.testing.assert_allclose(read_channels(tmp_path / "a.wav").samples, samples, atol=2**-16)


def test_a_quiet_signal_stays_in_24_bits_where_16_would_coarsen_it(tmp_path):
    write_channels(tmp_path / "a.wav", stereo() / 1000, 44100, "PCM_24")
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_24"


def test_a_flac_that_would_be_beyond_full_scale_is_clipped_and_said(tmp_path):
    with pytest.warns(NmflabWarning, match=r"a\.flac' is clipped, for the samples reach 1\.5"):
        write_channels(tmp_path / "a.flac", 3 * stereo(), 44100, "FLOAT")
    assert soundfile.info(tmp_path / "a.flac").subtype == "PCM_24"
    assert np.abs(read_channels(tmp_path / "a.flac").samples).max() == pytest.approx(1)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("largest", [2**32, 1000])
def test_equal_samples_give_equal_bytes_in_blocks_of_any_size(
    tmp_path, monkeypatch, subtype, largest
):
    monkeypatch.setattr("nmflab.audio.encoding.LARGEST_WAV", largest)
    samples = stereo()[:1001, :1]
    for size, name in ((1, "a.wav"), (7, "b.wav"), (1001, "c.wav")):
        with new_recording(tmp_path / name, rate=44100, channels=1, subtype=subtype) as result:
            for start in range(0, 1001, size):
                result.append(samples[start : start + size])
    contents = {(tmp_path / name).read_bytes() for name in ("a.wav", "b.wav", "c.wav")}
    (content,) = contents
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.format, info.subtype) == ("WAV" if largest > 1000 else "RF64", subtype)
    assert info.frames == 1001
    assert len(content) % 2 == 0
    np.testing.assert_allclose(read_channels(tmp_path / "a.wav").samples, samples, atol=2**-16)


def test_a_new_recording_appears_whole_or_not_at_all(tmp_path):
    (tmp_path / "old.wav").write_bytes(b"old")

    def broken():
        with new_recording(tmp_path / "old.wav", rate=44100, channels=2) as result:
            result.append(stereo())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert (tmp_path / "old.wav").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["old.wav"]


def test_of_two_recordings_that_belong_together_none_appears_where_one_fails(tmp_path):
    def two():
        with (
            new_recording(tmp_path / "speech.wav", rate=44100, channels=2) as speech,
            new_recording(tmp_path / "noise.wav", rate=44100, channels=2) as noise,
        ):
            noise.append(stereo())
            for result in (noise, speech):  # nothing was added to the speech
                result.finish()

    with pytest.raises(NmflabError, match=r"speech\.wav' would be empty"):
        two()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("a.mp3", {}, r"end its name in \.wav or \.flac"),
        ("a.flac", {"channels": 9}, r"FLAC of 9 channels can't be written at 44100 Hz"),
        ("a.flac", {"rate": 700001}, r"FLAC of 2 channels can't be written at 700001 Hz"),
        ("a.wav", {"rate": 12.5}, "sampling_rate is 12.5 but must be"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(tmp_path, name, options, sentence):
    with (
        pytest.raises(NmflabError, match=sentence),
        new_recording(tmp_path / name, **{"rate": 44100, "channels": 2, **options}),
    ):
        raise AssertionError
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("samples", [np.zeros((4, 2, 2)), np.zeros((0, 2)), np.zeros((4, 0)), "no"])
def test_samples_that_are_no_channels_get_a_sentence(tmp_path, samples):
    with pytest.raises(NmflabError, match="samples"):
        write_channels(tmp_path / "a.wav", samples, 44100)


def test_nan_in_any_channel_is_told_by_its_place(tmp_path):
    samples = stereo(16000, 2)
    samples[20000, 1] = np.nan
    soundfile.write(tmp_path / "bad.wav", samples, 16000, "FLOAT")
    with pytest.raises(NmflabError, match=r"bad\.wav' holds NaN .* first at sample 20000"):
        read_channels(tmp_path / "bad.wav")


def test_a_copy_takes_little_memory(tmp_path):
    write_channels(tmp_path / "a.wav", stereo(48000, 60), 48000, "PCM_24")
    tracemalloc.start()
    copy(tmp_path / "a.wav", tmp_path / "b.wav")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6  # of 23 MB
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
