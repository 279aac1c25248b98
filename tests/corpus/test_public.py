"""Public corpora are fetched whole and checked, once, or not at all."""

import hashlib
import http.server
import io
import re
import socket
import tarfile
import threading
import zipfile

import numpy as np
import pytest
import soundfile
from support.sounds import RATE

from nmflab.corpus.clips import load_clips
from nmflab.corpus.public import PUBLIC_CORPORA, PublicCorpus, fetch_corpus
from nmflab.errors import NmflabError


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve a folder on loopback; give the folder, the address and what counts the requests."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "server"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        requests = 0

        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def do_GET(self):
            Handler.requests += 1
            super().do_GET()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{web.server_port}", Handler
        web.shutdown()
        thread.join()


def offer(monkeypatch, name, url, content, only=""):
    checksum = "sha256:" + hashlib.sha256(content).hexdigest()
    tiny = PublicCorpus("a tiny corpus", f"{url}/{name}", checksum, 0, url, only)
    monkeypatch.setitem(PUBLIC_CORPORA, "tiny", tiny)


def wav_bytes():
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(100, 0.25), RATE, format="WAV")
    return buffer.getvalue()


def tar_bytes(*members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in members:
            info = tarfile.TarInfo(name)
            info.size = len(wav_bytes())
            tar.addfile(info, io.BytesIO(wav_bytes()))
    return buffer.getvalue()


def zip_bytes(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name in members:
            bundle.writestr(name, wav_bytes())
    return buffer.getvalue()


def left_behind(cache):
    files = [path for path in cache.rglob("*") if path.is_file()] if cache.exists() else []
    return [path for path in files if path.suffix != ".lock"]


def test_fetch_downloads_unpacks_and_does_so_once(server, monkeypatch, tmp_path):
    folder, url, handler = server
    content = tar_bytes("Tiny/a/one.wav", "Tiny/b/two.wav")
    (folder / "tiny.tar.gz").write_bytes(content)
    offer(monkeypatch, "tiny.tar.gz", url, content)
    cache, reports = tmp_path / "cache", []
    for _ in range(2):
        found = fetch_corpus("tiny", cache, progress=lambda *report: reports.append(report))
        assert load_clips(found).names == ("one", "two")
    assert handler.requests == 1
    assert reports[-1] == ("tiny", len(content), len(content))
    assert sorted(path.name for path in left_behind(cache)) == ["one.wav", "two.wav"]


def test_fetch_unpacks_only_what_is_wanted_of_a_zip(server, monkeypatch, tmp_path):
    folder, url, _ = server
    content = zip_bytes("PLACE/ch01.wav", "PLACE/ch02.wav")
    (folder / "tiny_16k.zip").write_bytes(content)
    offer(monkeypatch, "tiny_16k.zip", "http://127.0.0.1:9", content, only="ch01.wav")
    found = fetch_corpus("tiny", tmp_path / "cache", base_url=url + "/")
    assert load_clips(found).names == ("ch01",)


def test_fetch_refuses_a_wrong_checksum_and_leaves_nothing(server, monkeypatch, tmp_path):
    folder, url, _ = server
    (folder / "tiny.tar.gz").write_bytes(tar_bytes("one.wav"))
    offer(monkeypatch, "tiny.tar.gz", url, b"something else")
    with pytest.raises(NmflabError, match="checksum is wrong"):
        fetch_corpus("tiny", tmp_path / "cache")
    assert left_behind(tmp_path / "cache") == []


def test_fetch_says_that_the_server_has_no_such_file(server, monkeypatch, tmp_path):
    _, url, _ = server
    offer(monkeypatch, "tiny.tar.gz", url, b"")
    with pytest.raises(NmflabError, match="the server answered 404"):
        fetch_corpus("tiny", tmp_path / "cache")
    assert left_behind(tmp_path / "cache") == []


def test_fetch_says_that_there_is_no_connection(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    offer(monkeypatch, "tiny.tar.gz", url, b"")
    with pytest.raises(NmflabError, match=r"no connection\): check the connection"):
        fetch_corpus("tiny", tmp_path / "cache")
    assert left_behind(tmp_path / "cache") == []


@pytest.mark.parametrize("pack", [tar_bytes, zip_bytes])
def test_fetch_writes_nothing_outside_its_folder(server, monkeypatch, tmp_path, pack):
    folder, url, _ = server
    content = pack("good.wav", "../../evil.wav")
    (folder / "tiny.tar.gz").write_bytes(content)
    offer(monkeypatch, "tiny.tar.gz", url, content)
    cache = tmp_path / "a/b/cache"
    if pack is tar_bytes:
        with pytest.raises(NmflabError, match="can't be unpacked"):
            fetch_corpus("tiny", cache)
        assert not (cache / "tiny").exists()
    else:
        fetch_corpus("tiny", cache)
    assert [p for p in tmp_path.rglob("evil.wav") if cache / "tiny" not in p.parents] == []


def test_fetch_stopped_while_unpacking_leaves_no_folder(server, monkeypatch, tmp_path):
    folder, url, _ = server
    content = tar_bytes("one.wav")
    (folder / "tiny.tar.gz").write_bytes(content)
    offer(monkeypatch, "tiny.tar.gz", url, content)

    def interrupt(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "extractall", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch_corpus("tiny", tmp_path / "cache")
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == [".tiny.lock", "downloads"]
    assert load_clips(fetch_corpus("tiny", tmp_path / "cache")).names == ("one",)


def test_fetch_of_an_archive_without_audio_is_refused(server, monkeypatch, tmp_path):
    folder, url, _ = server
    content = tar_bytes("readme.txt")
    (folder / "tiny.tar.gz").write_bytes(content)
    offer(monkeypatch, "tiny.tar.gz", url, content)
    with pytest.raises(NmflabError, match="holds no audio"):
        fetch_corpus("tiny", tmp_path / "cache")


def test_unknown_public_corpus_is_refused_and_the_known_ones_named():
    with pytest.raises(NmflabError, match=r"'timit'; there are: librispeech-dev-clean, .*demand"):
        fetch_corpus("timit")


def test_every_public_corpus_has_a_checksum_and_a_home():
    lengths = {"sha256": 64, "md5": 32}
    for corpus in PUBLIC_CORPORA.values():
        algorithm, digest = corpus.checksum.split(":")
        assert re.fullmatch(f"[0-9a-f]{{{lengths[algorithm]}}}", digest)
        assert corpus.url.startswith("https://")
        assert corpus.homepage.startswith("https://")
    assert len({corpus.checksum for corpus in PUBLIC_CORPORA.values()}) == len(PUBLIC_CORPORA)
