"""Lists of recordings know their names; files and folders are read into one."""

import numpy as np
import pytest

from nmflab.corpus.clips import ClipList, load_clips
from nmflab.errors import NmflabError


def test_clip_list_is_a_sequence_of_arrays_with_names(embedded):
    noises = embedded.test_noise
    assert isinstance(noises, ClipList)
    assert len(list(noises)) == len(noises) == 7
    assert all(x.ndim == 1 and x.dtype == np.float32 for x in noises)
    assert noises["car"] is noises[1] is noises[np.int64(1)] is noises[-6]
    assert noises[1:3].names == ("car", "factory")
    assert noises.paths[1].name == "car.flac"
    assert "car" in noises
    assert noises[1] in noises
    assert "rain" not in noises
    assert repr(noises[:2]) == "ClipList(babble, car)"


def test_unknown_name_and_number_are_refused(embedded):
    with pytest.raises(NmflabError, match="no recording called 'rain'; there are: babble, car"):
        embedded.test_noise["rain"]
    with pytest.raises(IndexError):
        embedded.test_noise[7]


def test_load_clips_takes_files_and_folders(folder):
    anna = folder / "train/speech/anna.wav"
    (folder / "test/speech/broken.wav").write_bytes(b"")
    assert load_clips(str(anna)).names == ("anna",)
    clips = load_clips([folder / "test/speech", anna, anna])
    assert clips.names == ("ben", "train_speech_anna_wav", "train_speech_anna_wav_2")
    assert len(clips.skipped) == 1


def test_load_clips_refuses_what_was_named_and_is_not_there(tmp_path):
    with pytest.raises(NmflabError, match=r"gone\.wav"):
        load_clips(tmp_path / "gone.wav")
    with pytest.raises(NmflabError, match="name at least one"):
        load_clips([])
