"""What was computed once is found again, and a cache that is broken is as good as none."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from nmflab.system import caching

NAME, OTHER = "0" * 64, "1" * 64


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NMFLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def keep(name, size=10):
    caching.keep("numbers", name, {"unit": "dB"}, {"a": np.full(size, int(name[0], 16))})


def look_up(name):
    return caching.look_up("numbers", name, lambda header, arrays: (header["unit"], arrays["a"][0]))


def test_what_is_kept_is_found_and_nothing_else_is(folder):
    assert look_up(NAME) is None
    keep(NAME)
    assert look_up(NAME) == ("dB", 0)
    assert look_up(OTHER) is None
    assert [file.name for file in folder.iterdir()] == [f"numbers-{NAME}.npz"]


@pytest.mark.parametrize("named", ["", "off"])
def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NMFLAB_CACHE", named)
    keep(NAME)
    assert caching.cache_folder() is look_up(NAME) is None
    assert not list(tmp_path.iterdir())


def test_the_folder_is_the_user_s_own_unless_another_is_named(monkeypatch):
    import platformdirs

    monkeypatch.delenv("NMFLAB_CACHE")
    assert caching.cache_folder().is_relative_to(platformdirs.user_cache_path("nmflab"))
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_: Path("~/.cache"))
    assert caching.cache_folder() is None  # no home
    monkeypatch.setenv("NMFLAB_CACHE", "~/elsewhere")
    assert caching.cache_folder() == Path.home() / "elsewhere"


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "another", "a folder", "a pipe"])
def test_a_damaged_file_counts_as_missing_and_is_replaced(folder, damage):
    keep(NAME, 1000)
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "emptied":
        file.write_bytes(b"")
    elif damage == "another":
        np.savez(file, a=np.zeros(3))
    else:
        file.unlink()
        file.mkdir() if damage == "a folder" else os.mkfifo(file)
    assert look_up(NAME) is None
    keep(NAME)
    assert (look_up(NAME) is None) == (damage in ("a folder", "a pipe"))


@pytest.mark.parametrize("trouble", ["a file", "not writable"])
def test_a_folder_that_cannot_be_written_keeps_nothing_and_says_nothing(
    folder, monkeypatch, trouble
):
    if trouble == "a file":
        folder.write_text("mine")
    else:

        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(caching.Path, "mkdir", refuse)
    keep(NAME)
    assert look_up(NAME) is None


def test_what_was_not_used_for_longest_goes(folder, monkeypatch):
    (folder).mkdir()
    (folder / "of a user.npz").write_bytes(bytes(10**6))
    keep(NAME, 1000)
    size = next(folder.glob("numbers*")).stat().st_size
    monkeypatch.setattr(caching, "LARGEST", 2 * size)
    keep("2" * 64, 1000)
    for age, name in ((300, NAME), (200, "2" * 64)):
        file = folder / f"numbers-{name}.npz"
        os.utime(file, (file.stat().st_mtime - age,) * 2)
    assert look_up(NAME) == ("dB", 0)  # the younger now
    keep(OTHER, 1000)
    assert [look_up(name) for name in (NAME, "2" * 64, OTHER)] == [("dB", 0), None, ("dB", 1)]
    assert (folder / "of a user.npz").exists()


def test_runs_at_the_same_time_find_whole_files_only(folder):
    wrong = []

    def run():
        for _ in range(20):
            keep(OTHER, 20000)
            if look_up(OTHER) != ("dB", 1):
                wrong.append(look_up(OTHER))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(list(folder.iterdir())) == 1


def test_a_fingerprint_tells_facts_signals_and_code_apart(tmp_path, monkeypatch):
    x, y = np.arange(4, dtype=np.float32), np.arange(8, dtype=np.float32)

    def fingerprint(facts=(), signals=(x, x)):
        return caching.fingerprint({"K": 3, **dict(facts)}, signals, rooms=["core"])

    same = fingerprint()
    assert same == fingerprint(signals=(y[:4], np.repeat(x, 2)[::2]))
    others = [
        fingerprint({"K": 4}),
        fingerprint({"seed": 0}),
        fingerprint(signals=(x,)),
        fingerprint(signals=(y,)),
        fingerprint(signals=(np.append(x, x),)),
        fingerprint(signals=(x, x + np.float32(1e-6))),
        caching.fingerprint({"K": 3}, (x, x), rooms=["audio"]),
    ]
    (tmp_path / "core").mkdir()
    (tmp_path / "core/nmf.py").write_text("W = H")
    monkeypatch.setattr(caching, "PACKAGE", tmp_path)
    caching._code.cache_clear()
    others.append(fingerprint())
    caching._code.cache_clear()
    assert len({same, *others}) == 1 + len(others)


def test_what_else_is_imported_gives_a_dictionary_no_other_name():
    code = "from nmflab.system.caching import machine; print(machine())"
    codes = code, f"import scipy.linalg, scipy.signal; {code}"
    plain, loaded = (subprocess.check_output([sys.executable, "-c", code]) for code in codes)
    assert plain == loaded
    assert b"'blas': ['" in plain
