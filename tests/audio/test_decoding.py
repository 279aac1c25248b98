"""Whatever libsndfile reads is read to the same samples, whole and in blocks, by any name.

What is very likely not meant is said in one sentence, and nothing is said of what may be meant.
"""

import base64
import io
import os
import re
import sys
import warnings
import zipfile
import zlib
from contextlib import suppress

import numpy as np
import pytest
import soundfile
from support.sounds import RATE, tone

from nmflab.audio.files import duration, read_audio, read_blocks
from nmflab.errors import NmflabError, NmflabWarning

PHONE = 8000
UNICODE_NAMES = pytest.mark.skipif(sys.platform != "linux", reason="Names are Unicode here.")


@pytest.fixture(autouse=True)
def _nothing_is_said_unless_it_is_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("error", NmflabWarning)
        yield


def in_blocks(path, rate=PHONE):
    return np.concatenate([*read_blocks(path, rate)])


def speechlike(rng, rate=PHONE, seconds=2.3):
    """Give noise that comes and goes, so that a variable bit rate varies."""
    n = int(rate * seconds)
    envelope = np.sin(np.arange(n) * 3 / rate) ** 2
    return (0.2 * envelope * rng.standard_normal(n)).astype(np.float32)


def mp3(path, samples, rate=PHONE, mode="VARIABLE"):
    soundfile.write(path, samples, rate, format="MP3", bitrate_mode=mode, compression_level=0.6)
    return path.read_bytes()


@pytest.mark.parametrize("form", sorted(set(soundfile.available_formats()) - {"RAW"}))
def test_every_codec_is_read_as_libsndfile_reads_it_whole_and_in_blocks(tmp_path, rng, form):
    samples = speechlike(rng)
    written = 0
    for subtype in soundfile.available_subtypes(form):
        for channels in (1, 2):
            path = tmp_path / f"{subtype}_{channels}.{form.lower()}"
            signal = np.stack([samples] * channels, axis=1)
            try:
                soundfile.write(path, signal, PHONE, format=form, subtype=subtype)
            except soundfile.SoundFileError:  # not for this rate, or this number of channels
                continue
            written += 1
            rate = soundfile.info(path).samplerate  # some formats have one rate, or round it
            read = read_audio(path, rate)
            np.testing.assert_array_equal(read, in_blocks(path, rate))
            assert duration(path) == pytest.approx(len(read) / rate)
            if "DWVW" not in subtype:  # after reading soundfile seeks, and fails
                expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
                np.testing.assert_allclose(read, expected.mean(axis=1), atol=1e-6)
            if form != "SD2":  # of which a part is in another file, found by the path
                np.testing.assert_array_equal(read, read_audio(io.BytesIO(path.read_bytes()), rate))
    assert written


@pytest.mark.parametrize("mode", ["VARIABLE", "AVERAGE", "CONSTANT"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_an_mp3_has_no_holes_where_blocks_meet(tmp_path, rng, mode, rate):
    samples = speechlike(rng, rate, 6)
    mp3(tmp_path / "talk.mp3", samples, rate, mode)
    whole, _ = soundfile.read(tmp_path / "talk.mp3", dtype="float32")
    np.testing.assert_allclose(in_blocks(tmp_path / "talk.mp3", rate), whole, atol=1e-6)


@pytest.mark.parametrize(
    "before", [bytes(1000), b"HTTP/1.1 200 OK\r\n\r\n", b"ID3\x03\0\0\0\0\x07\x76" + bytes(1524)]
)
def test_junk_before_the_first_frame_of_an_mp3_is_passed_over(tmp_path, rng, before):
    content = mp3(tmp_path / "clean.mp3", speechlike(rng))
    (tmp_path / "junk.MP3").write_bytes(before + content)
    expected = read_audio(tmp_path / "clean.mp3", PHONE)
    np.testing.assert_array_equal(read_audio(tmp_path / "junk.MP3", PHONE), expected)
    np.testing.assert_array_equal(in_blocks(tmp_path / "junk.MP3"), expected)
    assert duration(tmp_path / "junk.MP3") == pytest.approx(len(expected) / PHONE)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("place", [0.2, 0.5])
def test_an_mp3_cut_out_of_a_stream_is_read_and_not_called_short(tmp_path, rng, mode, place):
    content = mp3(tmp_path / "whole.mp3", speechlike(rng, seconds=5), mode=mode)
    (path := tmp_path / "cut.mp3").write_bytes(content[int(place * len(content)) :])
    read = read_audio(path, PHONE)
    assert len(read) / PHONE > 0.5
    np.testing.assert_array_equal(in_blocks(path), read)


def without_count(content):
    """Take away the frame without sound that says how many frames of an MP3 follow."""
    first = content.index(b"\xff")
    return content[content.index(content[first : first + 2], first + 4) :]


def alike(one, other, atol=1e-5):
    """Say whether a sound is another that began up to two frames earlier, to its end."""
    part = slice(8000, 8100)
    lags = [k for k in range(2400) if np.allclose(one[k:][part], other[part], atol=atol)]
    return any(np.allclose(one[k : k + len(other)], other[: len(one) - k], atol=atol) for k in lags)


@pytest.mark.slow
@pytest.mark.parametrize("loud_at", ["the beginning", "the end"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_an_mp3_of_variable_bit_rate_without_a_count_is_read_to_its_end(
    tmp_path, rng, rate, channels, loud_at
):
    """By the bit rate of its first frame it would be a half or a quarter as long."""
    quiet, loud = 0.02 * tone(4 * rate), speechlike(rng, rate, 4)
    signal = np.concatenate([loud, quiet] if loud_at == "the beginning" else [quiet, loud])
    content = mp3(tmp_path / "counted.mp3", np.stack([signal, -0.5 * signal][:channels], 1), rate)
    whole = read_audio(tmp_path / "counted.mp3", rate)
    cut = without_count(content)
    tag = b"ID3\x04\0\0\0\0\x10\0" + 8 * cut[:256]  # as of a picture that has frames in it
    for before in (b"", bytes(700), tag):
        (path := tmp_path / "bare.mp3").write_bytes(before + cut)
        read = read_audio(path, rate)
        assert abs(len(read) - len(whole)) < 2400
        assert alike(read, whole)
        np.testing.assert_array_equal(in_blocks(path, rate), read)
        if before[:1] != b"\0":  # no ending tells of a file object that it is an MP3
            np.testing.assert_array_equal(read_audio(io.BytesIO(before + cut), rate), read)
        assert duration(path) == pytest.approx(len(read) / rate, abs=0.1)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_mp3s_that_were_put_one_after_the_other_are_all_read(tmp_path, rng, mode):
    """The first one's count is of its own frames."""
    warnings.simplefilter("ignore", NmflabWarning)  # where they meet, a piece may be called damaged
    parts = [speechlike(rng, seconds=seconds) for seconds in (3, 2)]
    contents = [mp3(tmp_path / "part.mp3", part, mode=mode) for part in parts]
    tag = b"ID3\x03\0\0\0\0\x07\x76" + bytes(1014)
    for between in (b"", tag):
        (path := tmp_path / "all.mp3").write_bytes(tag + contents[0] + between + contents[1])
        read = read_audio(path, PHONE)
        assert len(read) / PHONE == pytest.approx(5, abs=0.6)
        assert duration(path) == pytest.approx(len(read) / PHONE, abs=0.3)
        for part in parts:
            piece = part[8000:12000]
            found = np.correlate(read, piece)
            at = int(found.argmax())
            assert found[at] > 0.7 * np.linalg.norm(piece) * np.linalg.norm(read[at : at + 4000])
        np.testing.assert_array_equal(in_blocks(path), read)


def test_junk_between_the_frames_of_an_mp3_without_a_count_costs_but_a_moment(tmp_path, rng):
    content = without_count(mp3(tmp_path / "a.mp3", speechlike(rng, seconds=8)))
    middle = content.index(content[:2], len(content) // 2)
    (tmp_path / "a.mp3").write_bytes(content[:middle] + bytes(500) + b"\xff" * 9 + content[middle:])
    with pytest.warns(NmflabWarning, match="damaged"):
        assert len(read_audio(tmp_path / "a.mp3", PHONE)) / PHONE > 7.5


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.gsm", "GSM610"), ("A.GSM", "GSM610"), ("a.vox", "VOX_ADPCM")]
)
def test_formats_that_only_the_ending_tells_are_read(tmp_path, rng, name, subtype):
    soundfile.write(tmp_path / name, speechlike(rng), PHONE, format="RAW", subtype=subtype)
    options = {"samplerate": PHONE, "channels": 1, "format": "RAW", "subtype": subtype}
    expected, _ = soundfile.read(tmp_path / name, dtype="float32", **options)
    for read in (read_audio(tmp_path / name, PHONE), in_blocks(tmp_path / name)):
        np.testing.assert_allclose(read, expected, atol=1e-6)
    assert duration(tmp_path / name) == pytest.approx(len(expected) / PHONE)


@pytest.mark.parametrize("name", ["a.au", "a.snd"])
def test_a_sun_file_that_has_lost_its_header_says_what_it_is_taken_for(tmp_path, name):
    soundfile.write(tmp_path / name, tone(PHONE), PHONE, format="RAW", subtype="ULAW")
    with pytest.warns(NmflabWarning, match=r"no header and is taken for ULAW at 8000 Hz"):
        read_audio(tmp_path / name, PHONE)


@pytest.mark.parametrize("name", ["a.raw", "b.pcm"])
def test_samples_without_any_header_are_refused_for_that(tmp_path, name):
    (tmp_path / name).write_bytes(tone().tobytes())
    for use in (read_audio, in_blocks):
        with pytest.raises(NmflabError, match=r"no header that says its sampling rate"):
            use(tmp_path / name)


NAMES = [
    "a.raw",
    "a.gsm",
    "a.mp3",
    "a.m4a",
    "a.txt",
    "noending",
    "-",
    "100% %s {x} $a$ <b>.wav",
    "two\nlines.wav",
    "שלום 🎤.wav",
    pytest.param(os.fsdecode(b"\xff\xfe.wav"), marks=UNICODE_NAMES),
    pytest.param(os.fsdecode(b"old\xe4/caf\xe9.raw"), marks=UNICODE_NAMES),
    "/".join(["f" * 200] * 6) + "/beyond 1024 bytes.wav",
]


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_known_by_its_content_whatever_its_name(tmp_path, monkeypatch, name, form):
    soundfile.write(content := io.BytesIO(), tone(PHONE, 1.5), PHONE, format=form)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())
    expected = read_audio(io.BytesIO(content.getvalue()), PHONE)
    monkeypatch.chdir(path.parent)
    for given in (path, path.name, os.fsencode(path)):
        np.testing.assert_array_equal(read_audio(given, PHONE), expected)
        np.testing.assert_array_equal(in_blocks(given), expected)
    assert duration(path) == duration(path.name) == 1.5


def test_file_objects_are_read_from_where_they_stand(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE, subtype="FLOAT")
    content = (tmp_path / "a.wav").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.wav", content)
    after = io.BytesIO(b"before" + content)
    after.seek(6)
    with (
        (tmp_path / "a.wav").open("rb") as file,
        zipfile.ZipFile(tmp_path / "a.zip") as archive,
        archive.open("a.wav") as member,
    ):
        for given in (io.BytesIO(content), after, file, member):
            np.testing.assert_array_equal(read_audio(given), tone())
    np.testing.assert_array_equal(in_blocks(io.BytesIO(content), RATE), tone())


@pytest.mark.parametrize("use", [read_audio, in_blocks])
@pytest.mark.parametrize(
    "given",
    [None, 3, [], {}, object(), np.zeros(4), io.StringIO("text"), io.BytesIO(), "", "\0", b"\0"],
)
def test_what_is_no_file_gets_a_sentence(given, use):
    with pytest.raises(NmflabError):
        use(given)


def test_a_file_object_that_is_no_audio_gets_a_sentence_with_its_name(tmp_path):
    (tmp_path / "page.wav").write_text("<html>not found</html>")
    with pytest.raises(NmflabError, match=r"file object can't be read as audio"):
        read_audio(io.BytesIO(b"no audio"))
    with (
        (tmp_path / "page.wav").open("rb") as file,
        pytest.raises(NmflabError, match=r"page\.wav' can't be read as audio"),
    ):
        read_audio(file)


SHORT = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAV", "GSM610"),
    ("WAV", "IMA_ADPCM"),
    ("WAVEX", "PCM_24"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("W64", "PCM_16"),
    ("RF64", "PCM_16"),
    ("SVX", "PCM_16"),
    ("NIST", "PCM_16"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize(("form", "subtype"), SHORT)
def test_a_file_shorter_than_its_header_promises_is_read_and_said(tmp_path, form, subtype):
    path = tmp_path / "cut.wav"
    soundfile.write(path, tone(PHONE, 7), PHONE, format=form, subtype=subtype)
    path.write_bytes(path.read_bytes()[: os.path.getsize(path) // 7])  # noqa: PTH202
    sentence = r"cut\.wav' holds [01]\.\d s, but its header promises [67]\.\d s: it is very"
    for use in (lambda path: read_audio(path, PHONE), in_blocks):
        with pytest.warns(NmflabWarning, match=sentence) as said:
            assert 0.3 < len(use(path)) / PHONE < 1.2
        assert len(said) == 1


def test_a_flac_that_breaks_off_is_refused_with_the_place(tmp_path, rng):
    path = tmp_path / "cut.flac"
    soundfile.write(path, speechlike(rng, seconds=7), PHONE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for use in (read_audio, in_blocks):
        with pytest.raises(NmflabError, match=r"cut\.flac' is damaged or cut off after [34]\.\d s"):
            use(path)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_that_breaks_off_is_read_as_far_as_it_goes(tmp_path, rng, subtype):
    path = tmp_path / "cut.ogg"
    soundfile.write(path, speechlike(rng, seconds=30), PHONE, format="OGG", subtype=subtype)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    read = read_audio(path, PHONE)
    assert 5 < len(read) / PHONE < 20
    np.testing.assert_array_equal(in_blocks(path), read)


@pytest.mark.parametrize("unknown", [2**32 - 1, 2**31 - 1, 2**31, 0x7FFFF000, 2**31 + 44])
def test_a_wav_from_a_pipe_that_knew_no_length_is_not_called_short(tmp_path, unknown):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = content[40:44] = unknown.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_audio(tmp_path / "a.wav")) == len(in_blocks(tmp_path / "a.wav", RATE)) == 8000


def test_a_wav_that_was_never_closed_is_not_called_empty(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = content[40:44] = bytes(4)
    (tmp_path / "a.wav").write_bytes(content)
    for use in (read_audio, in_blocks):
        with pytest.raises(NmflabError, match=r"a\.wav' has 16044 bytes, but its header says that"):
            use(tmp_path / "a.wav")


def test_a_flac_from_a_pipe_that_knew_no_length_is_read_to_its_end(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(), RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert len(read_audio(tmp_path / "a.flac")) == len(in_blocks(tmp_path / "a.flac", RATE)) == 8000


@pytest.mark.parametrize("use", [read_audio, lambda path: in_blocks(path, RATE)])
def test_channels_that_leave_nothing_of_each_other_are_refused(tmp_path, use):
    soundfile.write(tmp_path / "anti.wav", np.stack([tone(), -tone()], axis=1), RATE)
    with pytest.raises(NmflabError, match=r"anti\.wav' has channels that cancel each other"):
        use(tmp_path / "anti.wav")


@pytest.mark.parametrize("use", [read_audio, lambda path: in_blocks(path, RATE)])
@pytest.mark.parametrize("gain", [-0.98, -1.02, -0.85])
def test_channels_that_nearly_cancel_each_other_are_said(tmp_path, use, gain):
    soundfile.write(tmp_path / "anti.wav", np.stack([tone(), gain * tone()], axis=1), RATE)
    with pytest.warns(NmflabWarning, match=r"anti\.wav' loses \d\d dB where its channels are mix"):
        use(tmp_path / "anti.wav")


@pytest.mark.parametrize("kind", ["dead", "quarter turn", "two", "sixteen", "side", "six dB"])
def test_channels_that_differ_as_recordings_do_are_not_said(tmp_path, rng, kind):
    speech = tone()
    signals = {
        "dead": [speech, 0 * speech],
        "quarter turn": [speech, np.roll(speech, 9)],
        "two": rng.uniform(-0.3, 0.3, (2, 8000)),
        "sixteen": rng.uniform(-0.3, 0.3, (16, 8000)),
        "side": [speech + 0.3 * np.roll(speech, 13), speech - 0.3 * np.roll(speech, 13)],
        "six dB": [speech, -0.5 * speech],
    }
    soundfile.write(tmp_path / "a.wav", np.transpose(signals[kind]), RATE)
    assert read_audio(tmp_path / "a.wav").any()


def test_a_warning_stands_at_the_line_that_called(tmp_path):
    soundfile.write(tmp_path / "anti.wav", np.stack([tone(), -0.98 * tone()], axis=1), RATE)
    for use in (read_audio, in_blocks):
        with pytest.warns(NmflabWarning) as said:
            use(tmp_path / "anti.wav")
        assert said[0].filename == __file__


def test_a_block_s_nan_is_told_by_its_place_in_the_whole(tmp_path):
    samples = tone(seconds=2)
    samples[RATE + 7] = np.nan
    soundfile.write(tmp_path / "bad.wav", samples, RATE, subtype="FLOAT")
    for use in (read_audio, in_blocks):
        with pytest.raises(NmflabError, match=re.escape(f"first at sample {RATE + 7}")):
            use(tmp_path / "bad.wav")


REFUSED = "c-s5_xg+I25HKKv2!`PX`e5KAA@CnBfSbbr2{Rj*1wH^sJW;0"


def test_an_mp3_that_libsndfile_opens_and_ffmpeg_refuses_is_read_or_refused_in_a_sentence(tmp_path):
    """What the fuzzer found: FFmpeg, asked for what the header lacks, knows no such file."""
    (tmp_path / "a.wav").write_bytes(zlib.decompress(base64.b85decode(REFUSED)))
    with suppress(NmflabError):
        assert np.isfinite(read_audio(tmp_path / "a.wav", RATE)).all()
    assert duration(tmp_path / "a.wav") >= 0
