"""What phones, cameras and browsers record is read as any other recording."""

import builtins
import io
import re
import tracemalloc
import warnings

import av
import numpy as np
import pytest
from support.sounds import film, tone

from nmflab.audio.channels import open_recording, read_channels
from nmflab.audio.files import duration, read_audio, read_blocks
from nmflab.errors import NmflabError, NmflabWarning


@pytest.fixture(autouse=True)
def _nothing_is_said_unless_it_is_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("error", NmflabWarning)
        yield


def sweep(rate, seconds=2.3, channels=1):
    """Give a rising tone that comes and goes, which fits itself at one place alone."""
    t = np.arange(int(rate * seconds)) / rate
    rising = 0.3 * np.sin(2 * np.pi * (300 * t + 200 * t * t)) * np.sin(4 * t) ** 2
    return np.stack([rising / (1 + channel) for channel in range(channels)], axis=1)


def in_blocks(path, rate):
    return np.concatenate([*read_blocks(path, rate)])


def place(read, samples):
    """Give the sample of a reading at which what was written begins, and how alike they are."""
    size = 2 ** int(np.ceil(np.log2(len(read) + len(samples))))
    spectrum = np.fft.rfft(read, size) * np.conj(np.fft.rfft(samples, size))
    start = int(np.argmax(np.fft.irfft(spectrum)))
    start -= size if start > size // 2 else 0
    first, last = max(start, 0), min(start + len(samples), len(read))
    written = samples[first - start : last - start]
    return start, np.corrcoef(read[first:last], written)[0, 1]


# Format, codec, rate, channels; samples late, seconds more, and likeness, at the most.
KINDS = [
    ("ipod", "aac", 48000, 2, 0, 0, 0.99),
    ("mp4", "aac", 44100, 1, 0, 0, 0.99),
    ("mov", "pcm_s24le", 48000, 2, 0, 0, 0.999999),
    ("ipod", "alac", 44100, 2, 0, 0, 0.999999),
    ("mp4", "mp3", 44100, 2, 0, 0, 0.99),
    ("mp4", "ac3", 48000, 2, 0, 0, 0.99),
    ("mp4", "libopus", 48000, 1, 0, 0, 0.99),
    ("webm", "libopus", 48000, 1, 0, 0, 0.99),
    ("webm", "libopus", 48000, 2, 0, 0, 0.99),
    ("matroska", "aac", 44100, 2, 1024, 0.05, 0.99),
    ("matroska", "flac", 44100, 2, 0, 0, 0.999999),
    ("3gp", "aac", 16000, 1, 0, 0, 0.99),
    ("3gp", "libopencore_amrnb", 8000, 1, 40, 0.02, 0.9),
    ("amr", "libopencore_amrnb", 8000, 1, 40, 0.03, 0.9),
    ("adts", "aac", 44100, 2, 1024, 0.05, 0.99),
    ("latm", "aac", 48000, 2, 1024, 0.05, 0.99),
    ("mpegts", "aac", 48000, 2, 1024, 0.05, 0.99),
    ("flv", "aac", 44100, 2, 1024, 0.05, 0.99),
    ("ac3", "ac3", 48000, 2, 256, 0.04, 0.99),
    ("eac3", "eac3", 48000, 2, 256, 0.04, 0.99),
    ("asf", "wmav2", 44100, 2, 4096, 0.2, 0.99),
    ("avi", "mp3", 44100, 1, 1200, 0.06, 0.99),
    ("wv", "wavpack", 44100, 2, 0, 0, 0.999),
    ("tta", "tta", 44100, 2, 0, 0, 0.999),
    ("rm", "real_144", 8000, 1, 200, 0.05, 0.9),
    ("wav", "ac3", 48000, 2, 256, 0.04, 0.99),
]
IDS = [f"{kind[1]} in {kind[0]} {kind[3]}" for kind in KINDS]


@pytest.mark.parametrize(
    ("form", "codec", "rate", "channels", "late", "more", "like"), KINDS, ids=IDS
)
def test_every_format_is_read_with_each_sample_at_its_place(
    tmp_path, form, codec, rate, channels, late, more, like
):
    written = sweep(rate, channels=channels)
    (path := tmp_path / "talk.bin").write_bytes(film(written, rate, codec, form))
    read = read_audio(path, rate)
    start, likeness = place(read, written.mean(axis=1))
    assert abs(start) <= late + 10
    assert likeness > like
    assert -0.03 < (len(read) - len(written)) / rate < more + 0.001
    np.testing.assert_array_equal(in_blocks(path, rate), read)
    np.testing.assert_array_equal(read_audio(io.BytesIO(path.read_bytes()), rate), read)
    assert duration(path) == pytest.approx(len(read) / rate, abs=0.05)
    samples, own, _ = read_channels(path)
    assert (own, samples.shape) == (rate, (len(read), channels))


def cut(content, part=0.6):
    return content[: int(part * len(content))]


def holed(content, rng):
    content = bytearray(content)
    start = len(content) // 2
    content[start : start + 600] = rng.bytes(600)
    return bytes(content)


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize("spoilt", [cut, holed])
def test_what_is_damaged_is_read_with_a_sentence_or_refused_with_one(tmp_path, rng, kind, spoilt):
    form, codec, rate, channels, *_ = kind
    content = film(sweep(rate, channels=channels), rate, codec, form)
    (path := tmp_path / "talk.bin").write_bytes(
        cut(content) if spoilt is cut else holed(content, rng)
    )
    found = [outcome(use, path, rate) for use in (read_audio, in_blocks)]
    np.testing.assert_array_equal(*found)
    assert duration(path) >= 0


def outcome(use, path, rate):
    """Give what is read, or the sentence that refuses; check that all sentences name the file."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = use(path, rate)
        except NmflabError as error:
            found = np.array(str(error))
    sentences = [str(warning.message) for warning in said]
    sentences += [str(found)] if found.dtype.kind == "U" else []
    assert len(said) <= 2
    assert [sentence for sentence in sentences if "talk.bin'" not in sentence] == []
    return found


SAID = [
    ("webm", "libopus", r"holds 1\.\d s, but its header promises 2\.3 s"),
    ("matroska", "aac", r"holds 1\.\d s, but its header promises 2\.3 s"),
    ("adts", "aac", r"breaks off within a packet, after 1\.\d s"),
]


@pytest.mark.parametrize(("form", "codec", "sentence"), SAID)
def test_what_breaks_off_is_read_as_far_as_it_goes_and_said(form, codec, sentence):
    content = film(sweep(48000), 48000, codec, form)
    with pytest.warns(NmflabWarning, match=sentence):
        read = read_audio(io.BytesIO(cut(content)), 48000)
    whole = read_audio(io.BytesIO(content), 48000)
    assert 48000 < len(read) < len(whole)
    np.testing.assert_array_equal(read[:40000], whole[:40000])


@pytest.mark.parametrize("form", ["ipod", "mp4", "mov", "3gp"])
def test_an_mp4_without_its_table_of_contents_is_refused(form):
    content = cut(film(sweep(16000), 16000, "aac", form))
    with pytest.raises(NmflabError, match=r"can't be read, for it is damaged, cut off or prot"):
        read_audio(io.BytesIO(content))


def test_a_damaged_packet_is_said_and_what_follows_stays_in_its_place(rng):
    content = bytearray(film(sweep(48000), 48000, "aac", "ipod"))
    whole = read_audio(io.BytesIO(bytes(content)), 48000)
    with av.open(io.BytesIO(bytes(content))) as container:
        packet = [*container.demux(audio=0)][60]
    content[packet.pos : packet.pos + packet.size] = rng.bytes(packet.size)
    with pytest.warns(NmflabWarning, match=r"damaged in 1 place, first after 1\.3 s: there it is"):
        read = read_audio(io.BytesIO(bytes(content)), 48000)
    assert len(read) == len(whole)
    np.testing.assert_array_equal(read[:60000], whole[:60000])
    np.testing.assert_allclose(read[64000:], whole[64000:], atol=0.01)


ENDINGS = ["wav", "mp3", "flac", "gsm", "vox", "au", "raw", "txt", "M4A", "m3u8"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("form", "codec"), [("ipod", "aac"), ("webm", "libopus"), ("adts", "aac")])
def test_a_film_is_known_by_its_content_whatever_its_name(tmp_path, ending, form, codec):
    if form == "adts" and ending in {"gsm", "vox", "au"}:
        pytest.skip("a bare stream has no beginning that tells it from samples without a header")
    content = film(sweep(48000), 48000, codec, form)
    (path := tmp_path / f"http:--concat|x %s.{ending}").write_bytes(content)
    expected = read_audio(io.BytesIO(content), 48000)
    np.testing.assert_array_equal(read_audio(path, 48000), expected)
    np.testing.assert_array_equal(in_blocks(path, 48000), expected)


def test_the_sound_of_a_film_begins_where_its_picture_begins():
    spoken = sweep(48000)
    content = film(spoken, 48000, "aac", "mp4", pictures=75, late=0.4)
    start, likeness = place(read_audio(io.BytesIO(content), 48000), spoken[:, 0])
    assert start == pytest.approx(0.4 * 48000, abs=100)
    assert likeness > 0.99


@pytest.mark.parametrize("form", ["mp4", "matroska"])
def test_a_film_without_sound_says_so(tmp_path, form):
    (path := tmp_path / "mute.mp4").write_bytes(film(None, 16000, None, form, pictures=25))
    for use in (read_audio, lambda path: in_blocks(path, 16000), read_channels):
        with pytest.raises(NmflabError, match=r"mute\.mp4' holds no sound: give a recording"):
            use(path)
    assert duration(path) == 0


def test_a_pause_in_the_container_s_times_is_silence():
    spoken = sweep(48000)
    content = film(spoken, 48000, "libopus", "webm", pause=(1.0, 0.5))
    read = read_audio(io.BytesIO(content), 48000)
    assert len(read) == pytest.approx(len(spoken) + 24000, abs=100)
    start, likeness = place(read[60000:], spoken[48000:, 0])
    assert (60000 + start, likeness) == (pytest.approx(72000, abs=1000), pytest.approx(1, abs=0.02))


def test_a_rate_that_changes_on_the_way_becomes_that_of_the_beginning():
    first, then = (film(tone(rate, 1), rate, "aac", "adts") for rate in (48000, 24000))
    read = read_audio(io.BytesIO(first + then), 48000)
    assert len(read) == pytest.approx(2 * 48000, rel=0.06)
    frequencies = np.abs(np.fft.rfft(read[-40000:-4000] * np.hanning(36000)))
    assert np.argmax(frequencies) * 48000 / 36000 == pytest.approx(440, abs=2)


def test_channels_that_change_on_the_way_become_those_of_the_beginning():
    one, two = (film(sweep(48000, 1.0, n), 48000, "aac", "adts") for n in (1, 2))
    for content, channels in ((one + two, 1), (two + one, 2)):
        samples, _, _ = read_channels(io.BytesIO(content))
        assert samples.shape == (pytest.approx(2 * 48000, rel=0.06), channels)


@pytest.mark.parametrize(
    "playlist", [b"#EXTM3U\n#EXTINF:2,\n{}\n", b"ffconcat version 1.0\nfile {}\n"]
)
@pytest.mark.parametrize("ending", ["m3u8", "txt", "m4a"])
def test_a_playlist_leads_to_no_other_file(tmp_path, playlist, ending):
    (tmp_path / "secret.m4a").write_bytes(film(sweep(48000), 48000, "aac", "ipod"))
    (path := tmp_path / f"list.{ending}").write_bytes(playlist.replace(b"{}", b"secret.m4a"))
    with pytest.raises(NmflabError, match=r"list\.\w+' can't be read"):
        read_audio(path)


@pytest.mark.parametrize(
    ("form", "codec", "subtype"),
    [
        ("ipod", "aac", "AAC"),
        ("webm", "libopus", "OPUS"),
        ("mov", "pcm_s24le", "PCM_24"),
        ("mov", "pcm_s16le", "PCM_16"),
        ("mov", "pcm_s32le", "PCM_32"),
        ("matroska", "pcm_f32le", "FLOAT"),
        ("matroska", "flac", "PCM_16"),
        ("mov", "pcm_mulaw", "PCM_MULAW"),
    ],
)
def test_how_samples_are_stored_is_told(form, codec, subtype):
    with open_recording(io.BytesIO(film(sweep(48000), 48000, codec, form))) as recording:
        assert re.fullmatch(f"(LIB)?{subtype}", recording.subtype)
        assert recording.length is None or recording.length == pytest.approx(110400, abs=1000)


@pytest.mark.parametrize("ending", ["m4a", "bin"])
def test_without_av_a_sentence_says_what_to_install(tmp_path, monkeypatch, ending):
    original = builtins.__import__

    def importing(name, *args, **kwargs):
        if name == "av":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    (path := tmp_path / f"talk.{ending}").write_bytes(film(sweep(48000), 48000, "aac", "ipod"))
    monkeypatch.setattr(builtins, "__import__", importing)
    for given in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(NmflabError, match=r"without the package av.* install it, or convert"):
            read_audio(given)
    assert duration(path) == 0
    (other := tmp_path / "page.dat").write_bytes(b"<html>")
    with pytest.raises(NmflabError, match=r"such as WAV.*the package av reads, which is not inst"):
        read_audio(other)


def test_a_long_film_is_read_in_bounded_memory(tmp_path):
    (path := tmp_path / "long.aac").write_bytes(40 * film(sweep(8000, 10), 8000, "aac", "adts"))
    tracemalloc.start()
    assert sum(map(len, read_blocks(path, 8000))) == pytest.approx(400 * 8000, rel=0.03)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6
