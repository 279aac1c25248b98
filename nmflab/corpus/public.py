"""Public corpora, downloaded when somebody asks for them."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nmflab.corpus.clips import StrPath, audio_files
from nmflab.errors import NmflabError
from nmflab.system.files import locked

__all__ = ["PublicCorpus", "fetch_corpus"]


@dataclass(frozen=True)
class PublicCorpus:
    """A corpus that can be downloaded.

    Attributes
    ----------
    title : str
        What it is, for people.
    url : str
        The archive (``.zip`` or ``.tar.gz``).
    checksum : str
        Algorithm and digest, ``sha256:…`` or ``md5:…``.
    megabytes : int
        Size of the download; 0 if unknown.
    homepage : str
        Where it is described, with its licence.
    only : str
        Name of the files to unpack, if not all.
    """

    title: str
    url: str
    checksum: str
    megabytes: int
    homepage: str
    only: str = ""


def _librispeech(subset: str, sha256: str, megabytes: int) -> PublicCorpus:
    return PublicCorpus(
        title=f"LibriSpeech {subset}: 40 speakers who read books in English, 5.4 h (CC BY 4.0)",
        url=f"https://www.openslr.org/resources/12/{subset}.tar.gz",
        checksum=f"sha256:{sha256}",
        megabytes=megabytes,
        homepage="https://www.openslr.org/12",
    )


def _demand(place: str, scene: str, md5: str) -> PublicCorpus:
    """Give one scene of DEMAND; of its 16 microphones the first is enough."""
    return PublicCorpus(
        title=f"DEMAND, {scene}: 5 min of real noise, first of 16 microphones",
        url=f"https://zenodo.org/records/1227121/files/{place}_16k.zip",
        checksum=f"md5:{md5}",
        megabytes=0,
        homepage="https://zenodo.org/records/1227121",
        only="ch01.wav",
    )


PUBLIC_CORPORA: dict[str, PublicCorpus] = {
    "librispeech-dev-clean": _librispeech(
        "dev-clean", "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3", 338
    ),
    "librispeech-test-clean": _librispeech(
        "test-clean", "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23", 347
    ),
    "demand-kitchen": _demand("DKITCHEN", "a kitchen", "7ffbf52d7f4699f96927846103dc8788"),
    "demand-living": _demand("DLIVING", "a living room", "46741384d9e434a0bd8b3ec1830b6052"),
    "demand-washing": _demand("DWASHING", "a washing room", "7e5ee9437ce9409c5f9a779b6212a240"),
    "demand-field": _demand("NFIELD", "a sports field", "a740046c6f4e174e16f5d568aaec5024"),
    "demand-park": _demand("NPARK", "a park", "80f1385a34d7f1705758926b57f138ce"),
    "demand-river": _demand("NRIVER", "a river", "54264db61d3fe073fb81f2e40e0d19b5"),
    "demand-hallway": _demand("OHALLWAY", "a hallway", "fe918bbb0e63e73d09ba7f4843ef33f1"),
    "demand-meeting": _demand("OMEETING", "a meeting room", "62f7cfe7fe6d30b7d8a215fe37c2dfd2"),
    "demand-office": _demand("OOFFICE", "an office", "7b61cc2d182d5a654cb9c3101ddd4041"),
    "demand-cafeteria": _demand("PCAFETER", "a cafeteria", "99927d148128254141a9417d051510bb"),
    "demand-restaurant": _demand("PRESTO", "a restaurant", "b98d2e6854eeebb397f29a8ad7457092"),
    "demand-station": _demand("PSTATION", "a station", "d7448009f6c2aeb6ba570375df1750a3"),
    "demand-square": _demand("SPSQUARE", "a public square", "205d0e7b8fe74504a2f8d252fc414b9e"),
    "demand-traffic": _demand("STRAFFIC", "a busy street", "2efa87262f272bbf9ba578088e81939c"),
    "demand-bus": _demand("TBUS", "a bus", "706b11b0d8504f9f3b3f3211e91b3863"),
    "demand-car": _demand("TCAR", "a car", "4d930012796bd298932245a26189f973"),
    "demand-metro": _demand("TMETRO", "an underground train", "95daf4df678e13b120e14211e6d89571"),
}
"""The corpora that `fetch_corpus` knows, by name."""


def fetch_corpus(
    name: str,
    cache: StrPath | None = None,
    *,
    base_url: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Download and unpack a public corpus, once.

    What was fetched before is not fetched again. The folder appears only when the whole
    archive has arrived, its checksum is right and it is unpacked.

    Parameters
    ----------
    name : str
        One of `PUBLIC_CORPORA`.
    cache : str or path, optional
        Where to keep it; without it, the user's cache folder for nmflab.
    base_url : str, optional
        Where a mirror keeps the archive, in place of its own address.
    progress : callable, optional
        Called with the name, the bytes done and the bytes in all.

    Returns
    -------
    Path
        A folder of audio files for `load_clips`, or for a data folder of your own.

    Raises
    ------
    NmflabError
        If the name is unknown, the download fails, or the checksum is wrong.
    """
    if name not in PUBLIC_CORPORA:
        known = ", ".join(PUBLIC_CORPORA)
        raise NmflabError(f"There is no public corpus called {name!r}; there are: {known}.")
    try:
        import pooch
    except ImportError as error:
        raise NmflabError(
            "Public corpora can't be fetched without the package pooch, which is not installed: "
            "install it, or give a data folder of your own."
        ) from error
    corpus = PUBLIC_CORPORA[name]
    url = corpus.url
    if base_url is not None:
        url = f"{base_url.rstrip('/')}/{PurePosixPath(url).name}"
    home = Path(pooch.os_cache("nmflab") if cache is None else cache).expanduser()
    folder = home / name
    if not folder.is_dir():
        with locked(folder):  # of two at the same time the second finds it there
            _fetch(name, url, corpus, folder, progress)
    return folder


def _fetch(
    name: str,
    url: str,
    corpus: PublicCorpus,
    folder: Path,
    progress: Callable[[str, int, int], None] | None,
) -> None:
    """Download and unpack, unless another process just did; remove what a killed one left."""
    downloads = folder.parent / "downloads" / name
    shutil.rmtree(downloads, ignore_errors=True)
    if folder.is_dir():
        return
    archive = _download(name, url, corpus.checksum, downloads, progress)
    _unpack(archive, folder, corpus.only)
    shutil.rmtree(downloads, ignore_errors=True)


def _download(
    name: str,
    url: str,
    checksum: str,
    folder: Path,
    progress: Callable[[str, int, int], None] | None,
) -> Path:
    """Fetch one file, whole and checked, or say why not."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    bar = _Bar(name, progress) if progress else False
    downloader = pooch.HTTPDownloader(progressbar=bar, timeout=30)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = pooch.retrieve(url, checksum, PurePosixPath(url).name, folder, downloader=downloader)
    except OSError as error:  # requests' errors are OSErrors too
        raise NmflabError(
            f"The corpus {name!r} can't be fetched from {url} ({_reason(error)}): check the "
            "connection and the disk, and try again."
        ) from error
    except ValueError as error:
        raise NmflabError(
            f"What came from {url} is not the corpus {name!r} (its checksum is wrong) and was "
            "thrown away: try again, or from another network."
        ) from error
    return Path(file)


class _Bar:
    """What pooch wants of a progress bar, on top of a callable."""

    def __init__(self, name: str, progress: Callable[[str, int, int], None]) -> None:
        self.name, self.progress = name, progress
        self.total = self.done = 0

    def update(self, step: int) -> None:
        self.done = min(self.done + step, self.total) if self.total else self.done + step
        self.progress(self.name, self.done, max(self.total, self.done))

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass


def _reason(error: OSError) -> str:
    """Say in a few words what went wrong, where requests writes a paragraph."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.RequestException):
        return "no connection"
    return error.strerror or type(error).__name__


def _unpack(archive: Path, folder: Path, only: str) -> None:
    """Unpack beside the folder and give it its name at the end."""
    temporary = Path(tempfile.mkdtemp(dir=archive.parent))
    try:
        if tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                members = [m for m in tar.getmembers() if _is_wanted(m.name, only)]
                tar.extractall(temporary, members, filter="data")
        else:
            with zipfile.ZipFile(archive) as bundle:
                names = [name for name in bundle.namelist() if _is_wanted(name, only)]
                bundle.extractall(temporary, names)
        if not any(audio_files(temporary)):
            raise NmflabError(f"The archive {archive.name!r} holds no audio: report this, please.")
        temporary.chmod(0o755)
        if not folder.is_dir():  # another process may have been faster
            temporary.replace(folder)
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise NmflabError(
            f"The archive {str(archive)!r} can't be unpacked ({type(error).__name__}): check the "
            "space on the disk, delete the archive, and try again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_wanted(name: str, only: str) -> bool:
    return not only or PurePosixPath(name).name == only
