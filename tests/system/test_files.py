"""Files appear whole or not at all; what can't be written is refused, before any work if asked."""

import os

import pytest

from nmflab.errors import NmflabError
from nmflab.system.files import (
    check_output,
    check_space,
    make_folder,
    replacing,
    same_file,
    write_table,
)


def test_file_appears_under_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "er" / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_interrupted_writing_leaves_the_old_file_and_nothing_else(tmp_path, interruption):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(interruption), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise interruption
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_table_is_written_with_its_columns_in_order_and_nan_left_empty(tmp_path):
    rows = [{"name": "a", "sdr": 1.5}, {"sdr": float("nan"), "name": "b, c"}]
    write_table(tmp_path / "t.csv", ("name", "sdr"), rows)
    assert (tmp_path / "t.csv").read_bytes() == b'name,sdr\na,1.5\n"b, c",\n'


def test_table_that_breaks_off_leaves_the_old_one(tmp_path):
    def rows():
        yield {"name": "a"}
        raise KeyboardInterrupt

    (tmp_path / "t.csv").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / "t.csv", ("name",), rows())
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def write(path):
    with replacing(path) as temporary:
        temporary.touch()


@pytest.mark.parametrize("use", [write, check_output])
def test_folder_by_the_file_name_is_refused(tmp_path, use):
    with pytest.raises(NmflabError, match="is a folder but must be a file"):
        use(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes.")
@pytest.mark.parametrize("use", [write, check_output])
def test_pipe_is_never_replaced(tmp_path, use):
    os.mkfifo(pipe := tmp_path / "pipe")
    with pytest.raises(NmflabError, match="pipe' is a device or a pipe"):
        use(pipe)
    assert pipe.is_fifo()


@pytest.mark.parametrize("use", [write, check_output, lambda path: make_folder(path.parent)])
def test_file_in_the_place_of_the_folder_is_named(tmp_path, use):
    (tmp_path / "taken").touch()
    with pytest.raises(NmflabError, match=r"taken' can't be written|to the folder .*taken'"):
        use(tmp_path / "taken" / "a.txt")


def test_checked_output_has_its_folder_and_keeps_its_file(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    check_output(path)
    assert path.parent.is_dir()
    assert not path.exists()
    path.write_text("old")
    check_output(path)
    assert path.read_text() == "old"


def test_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(
        NmflabError, match=r"can't be written \(Permission denied\): choose another"
    ):
        make_folder(tmp_path / "locked")


def test_space_is_refused_only_where_there_is_too_little(tmp_path, monkeypatch):
    check_space(tmp_path, 1)
    with pytest.raises(
        NmflabError, match=r"MB free, but 1000000000000\.0 MB are needed: make room"
    ):
        check_space(tmp_path, 10**18)

    def refuse(folder):
        raise OSError(95, "Not supported")

    monkeypatch.setattr("shutil.disk_usage", refuse)
    check_space(tmp_path, 10**18)


def test_names_of_one_file_are_recognised_through_links(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "soft").symlink_to("a")
    (tmp_path / "hard").hardlink_to(tmp_path / "a")
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to("new")
    for one, other in (("a", "soft"), ("a", "hard"), ("a", "folder/a"), ("new", "dangling")):
        assert same_file(tmp_path / one, tmp_path / other)
    assert not same_file(tmp_path / "a", tmp_path / "new")
