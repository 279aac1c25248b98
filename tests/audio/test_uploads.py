"""Recordings of strangers: read no further than they are used, within bounds of time and memory."""

import struct
import sys
import time

import numpy as np
import pytest
import soundfile

import nmflab as nl
from nmflab.audio import uploads
from nmflab.audio.uploads import read_beginning

pytestmark = pytest.mark.slow  # each reads in a process of its own

RATE = 8000


@pytest.fixture(scope="module")
def hours(tmp_path_factory):
    """Give a FLAC of half a megabyte that holds three hours: a second of noise, and silence."""
    path = tmp_path_factory.mktemp("uploads") / "hours.flac"
    noise = 0.1 * np.random.default_rng(1).standard_normal(RATE)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        file.write(noise)
        for _ in range(3 * 60):
            file.write(np.zeros(60 * RATE, np.int16))
    assert path.stat().st_size < 1e6
    return path


def test_of_a_small_file_that_holds_hours_the_beginning_is_read_and_the_length_is_told(hours):
    begin = time.monotonic()
    samples, whole = read_beginning(hours, 16000, 30.0)
    assert time.monotonic() - begin < uploads.PATIENCE
    assert len(samples) == 30 * 16000
    assert samples[:16000].std() == pytest.approx(0.1, rel=0.1)
    assert whole == pytest.approx(3 * 3600 + 1)


def test_a_short_one_is_read_as_a_file_of_ones_own_is(tmp_path):
    noise = 0.1 * np.random.default_rng(1).standard_normal(3 * RATE)
    soundfile.write(tmp_path / "short.wav", noise, RATE)
    samples, whole = read_beginning(tmp_path / "short.wav", 16000, 30.0)
    np.testing.assert_array_equal(samples, nl.read_audio(tmp_path / "short.wav"))
    assert whole == 3.0


def test_what_is_no_sound_or_cut_off_is_the_same_sentence_as_for_a_file_of_ones_own(tmp_path):
    (tmp_path / "notes.wav").write_bytes(b"not a sound at all")
    with pytest.raises(nl.NmflabError) as own:
        nl.read_audio(tmp_path / "notes.wav")
    with pytest.raises(nl.NmflabError) as found:
        read_beginning(tmp_path / "notes.wav", 16000, 30.0)
    assert str(found.value) == str(own.value)
    soundfile.write(tmp_path / "whole.wav", np.ones(RATE) / 2, RATE)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "whole.wav").read_bytes()[:RATE])
    with pytest.warns(nl.NmflabWarning, match="cut off"):
        read_beginning(tmp_path / "cut.wav", 16000, 30.0)


def test_what_takes_for_ever_is_ended_in_one_sentence(hours, monkeypatch):
    monkeypatch.setattr(uploads, "PATIENCE", 0.01)
    with pytest.raises(nl.NmflabError, match=r"hours\.flac.* more than 0\.01 s to read: cut it"):
        read_beginning(hours, 16000, 30.0)


@pytest.mark.skipif(sys.platform != "linux", reason="The other systems bound no memory.")
def test_what_takes_too_much_memory_is_one_sentence(tmp_path):
    """One second of what this header promises are 4 GB, of which the file has a hundredth."""
    channels, rate = 1024, 1_000_000
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    data = bytes(channels * 2 * 20000)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    (tmp_path / "wide.wav").write_bytes(
        b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
    )
    with pytest.raises(nl.NmflabError, match=r"wide\.wav.* more than 512 MiB of memory"):
        read_beginning(tmp_path / "wide.wav", 16000, 30.0)
