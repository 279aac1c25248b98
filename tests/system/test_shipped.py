"""What comes with the package is found, or its lack is said."""

import pytest

from nmflab.corpus.folders import load_corpus
from nmflab.errors import NmflabError
from nmflab.system import shipped
from nmflab.system.shipped import embedded_folder, notebooks_folder


def test_notebooks_folder_is_there():
    assert notebooks_folder().is_dir()


def test_installation_without_corpus_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "nmflab" / "system" / "shipped.py"))
    with pytest.raises(NmflabError, match="no corpus: give a data folder"):
        load_corpus()


def test_corpus_inside_the_installed_package_comes_first(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "nmflab" / "system" / "shipped.py"))
    inside = tmp_path / "nmflab/embedded/data"
    (inside / "train").mkdir(parents=True)
    (tmp_path / "data/train").mkdir(parents=True)
    assert embedded_folder() == inside
