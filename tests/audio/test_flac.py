"""FLAC without a library: every file gives the samples that libsndfile gives, or is refused."""

import base64
import io
import zlib

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sounds import tone

from nmflab.audio import flac
from nmflab.audio.files import read_audio
from nmflab.errors import NmflabError
from nmflab.system.shipped import embedded_folder


def decoded(content):
    return np.concatenate([*flac.decode(content, flac.read_form(content))])


def encoded(samples, subtype="PCM_16", level=0.5):
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, format="FLAC", subtype=subtype, compression_level=level)
    return file.getvalue()


SIGNALS = {
    "silence": lambda rng, n: np.zeros(n),
    "noise": lambda rng, n: rng.uniform(-1, 1, n),
    "tone": lambda rng, n: np.sin(np.arange(n) * 0.05) * 0.9,
    "steps": lambda rng, n: np.repeat(rng.uniform(-1, 1, n), 50)[:n],
    "coarse": lambda rng, n: np.round(rng.normal(0, 0.1, n), 1).clip(-1, 0.9),
    "rarely": lambda rng, n: np.where(rng.random(n) < 0.001, 0.9, 0.0),
}


@pytest.mark.slow
@settings(max_examples=40)
@given(
    kinds=st.lists(st.sampled_from(sorted(SIGNALS)), min_size=1, max_size=3),
    length=st.integers(1, 9000),
    subtype=st.sampled_from(["PCM_S8", "PCM_16", "PCM_24"]),
    level=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 100),
)
def test_every_sample_is_the_one_of_libsndfile(kinds, length, subtype, level, seed):
    rng = np.random.default_rng(seed)
    samples = np.stack([SIGNALS[kind](rng, length) for kind in kinds], axis=1)
    content = encoded(samples, subtype, level)
    expected, _ = soundfile.read(io.BytesIO(content), dtype="int32", always_2d=True)
    ours = decoded(content)
    np.testing.assert_array_equal(ours.astype(np.int64) << 8 * (4 - ours.itemsize), expected)


def test_channels_that_are_alike_come_apart():
    left = tone(seconds=1)
    for right in (left * 0.99, left + 0.001 * tone(frequency=3000, seconds=1)):
        content = encoded(np.stack([left, right], axis=1), level=1.0)
        expected, _ = soundfile.read(io.BytesIO(content), dtype="int16")
        np.testing.assert_array_equal(decoded(content), expected)


@pytest.mark.parametrize("place", range(0, 2000, 83))
def test_a_damaged_file_is_refused_or_gives_the_same_samples(place):
    content = bytearray(encoded(tone(seconds=0.3)))
    expected = decoded(bytes(content))
    content[place % len(content)] ^= 0x55
    try:
        samples = decoded(bytes(content))
    except flac.Damaged:
        return
    np.testing.assert_array_equal(samples, expected)


def test_a_file_that_is_cut_off_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    content = encoded(tone(seconds=1))
    for length in (10, 60, len(content) // 2, len(content) - 1):
        (tmp_path / "a.flac").write_bytes(content[:length])
        with pytest.raises(NmflabError, match=r"a\.flac.*is damaged or cut off"):
            read_audio(tmp_path / "a.flac")


def test_the_embedded_corpus_is_the_same_without_soundfile(monkeypatch):
    file = embedded_folder() / "test" / "noise" / "car.flac"
    expected = read_audio(file)
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    np.testing.assert_array_equal(read_audio(file), expected)


WITHOUT_BITS = (
    "c-l+zNpxmlU{DfZ5CBpoK*acku|NgLo@6^mZZ*dq6Xwla6Q%t`yjmC-G!%g1MX71"
    "2MX7nosR}unNp3!l&Kib#CVIvSMg~TvX69ywKqU<Sf28m*_%Axm00DVG3;^Z87oh"
)


def test_a_subframe_that_wastes_all_of_its_bits_is_damaged():
    """What the fuzzer found: a negative number of bits."""
    content = zlib.decompress(base64.b85decode(WITHOUT_BITS))
    with pytest.raises(flac.Damaged, match="without bits"):
        decoded(content)
