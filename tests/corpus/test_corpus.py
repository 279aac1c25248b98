"""The embedded corpus, data folders, public corpora."""

import hashlib
import http.server
import io
import os
import re
import socket
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nmflab.corpus.clips import ClipList, load_clips
from nmflab.corpus.folders import describe_corpus, load_corpus
from nmflab.corpus.public import PUBLIC_CORPORA, PublicCorpus, fetch_corpus
from nmflab.errors import NmflabError
from nmflab.system import shipped
from nmflab.system.shipped import embedded_folder, notebooks_folder

RATE = 16000
NOISES = ("babble", "car", "factory", "fan", "pink", "siren", "wind")
FILES = sorted(embedded_folder().glob("t*/*/*.flac"))


@pytest.fixture(scope="module")
def embedded():
    return load_corpus()


@pytest.fixture
def folder(tmp_path, rng):
    """Make a small data folder without test/noise."""
    for name in ("train/speech/anna", "train/noise/rain", "test/speech/ben"):
        write(tmp_path / f"{name}.wav", rng.uniform(-0.5, 0.5, RATE))
    return tmp_path


def write(path, samples, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)


# The embedded corpus


def test_embedded_corpus_has_the_speakers_and_noises_of_the_design(embedded):
    def speakers(clips):
        return {name.rpartition("_")[0] for name in clips.names}

    assert speakers(embedded.train_speech) == {"awb", "carlo", "ivrvoice", "june", "kal"}
    assert speakers(embedded.test_speech) == {"allison_en", "allison_es", "carlo", "rms"}
    assert embedded.train_noise.names == embedded.test_noise.names == NOISES
    assert embedded.noise_names == NOISES
    assert embedded.skipped == ()


def test_embedded_corpus_has_half_a_minute_of_each_training_speaker(embedded):
    seconds = dict.fromkeys(["awb", "carlo", "ivrvoice", "june", "kal"], 0.0)
    for clip in embedded.train_speech.clips:
        seconds[clip.name.rpartition("_")[0]] += clip.samples.size / RATE
    assert min(seconds.values()) > 30


def test_embedded_clips_last_2_to_6_seconds_and_noises_42(embedded):
    lengths = [x.size / RATE for x in (*embedded.train_speech, *embedded.test_speech)]
    assert 2 <= min(lengths) <= max(lengths) <= 6
    assert [x.size for x in embedded.train_noise] == [30 * RATE] * 7
    assert [x.size for x in embedded.test_noise] == [12 * RATE] * 7


def test_embedded_files_are_16_khz_mono_16_bit_flac_and_small():
    for file in FILES:
        info = soundfile.info(file)
        expected = (RATE, 1, "PCM_16", "FLAC")
        assert (info.samplerate, info.channels, info.subtype, info.format) == expected
    sizes = [file.stat().st_size for file in FILES]
    assert sum(sizes) <= 12_000_000
    assert max(sizes) <= 1_400_000


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_embedded_file_is_level_unclipped_and_never_digitally_silent(file):
    samples, _ = soundfile.read(file)
    assert np.abs(samples).max() < 0.99
    assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(-26, abs=1)
    sounding = np.flatnonzero(samples)
    assert np.diff(sounding, prepend=-1, append=samples.size).max() < 0.01 * RATE


def test_embedded_speech_has_no_long_silence_at_its_ends(embedded):
    for clip in (*embedded.train_speech.clips, *embedded.test_speech.clips):
        frames = clip.samples[: clip.samples.size // 160 * 160].reshape(-1, 160)
        power = np.mean(frames**2, axis=1)
        loud = np.flatnonzero(power > power.max() * 1e-4)
        assert loud[0] < 15, clip.name
        assert len(power) - loud[-1] < 15, clip.name


def shared_stretches(train, test, width=32, step=500):
    """Count the test files with a run of samples of a train file, if it has 1000 samples."""
    blocks = set()
    for file in train:
        pcm, _ = soundfile.read(file, dtype="int16")
        blocks.update(pcm[i : i + width].tobytes() for i in range(0, pcm.size - width, step))
    count = 0
    for file in test:
        pcm, _ = soundfile.read(file, dtype="int16")
        raw = pcm.tobytes()
        count += any(raw[i : i + 2 * width] in blocks for i in range(0, len(raw), 2))
    return count


def test_embedded_train_and_test_share_no_stretch_of_1000_samples(tmp_path):
    train = [file for file in FILES if file.parts[-3] == "train"]
    test = [file for file in FILES if file.parts[-3] == "test"]
    assert len(train) > 40
    assert len(test) > 15
    assert shared_stretches(train, test) == 0
    copied, _ = soundfile.read(train[0], dtype="int16")
    write(tmp_path / "copied.wav", copied[1234:2234])
    assert shared_stretches(train, [tmp_path / "copied.wav"]) == 1


def test_readme_names_every_embedded_file_with_its_length_and_licence():
    text = (embedded_folder() / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(t\w+/\w+/\w+\.flac)` \| ([\d.]+) \| (.+) \| ([^|]+) \|$", text, re.M)
    assert sorted(row[0] for row in rows) == sorted(
        file.relative_to(embedded_folder()).as_posix() for file in FILES
    )
    for path, seconds, _, licence in rows:
        assert float(seconds) == pytest.approx(
            soundfile.info(embedded_folder() / path).duration, abs=0.051
        )
        share_alike = Path(path).stem.startswith(("allison", "june", "babble"))
        assert share_alike == (licence == "CC BY-SA 3.0")
        assert licence in ("CC BY-SA 3.0", "CC BY 3.0", "CMU (free, BSD-like)") or (
            "/noise/" in path and licence == "BSD-3-Clause (nmflab)"
        )


def test_readme_shows_no_prompt_and_no_sentence_in_both_train_and_test():
    text = (embedded_folder() / "README.md").read_text(encoding="utf-8")
    said = {"train": set(), "test": set()}
    for part, who in re.findall(
        r"^\| `(train|test)/speech/\S+ \| [\d.]+ \| [^;]+; (.+) \| ", text, re.M
    ):
        prompts = who.partition(": ")[2] if who.startswith("`") else who
        said[part] |= set(re.findall(r"`([^`]+)`|\"([^\"]+)\"", prompts))
    assert len(said["train"]) > 20
    assert len(said["test"]) > 8
    assert not said["train"] & said["test"]


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


# Lists of clips


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


def test_describe_corpus_gives_part_name_seconds_and_level(folder):
    write(folder / "test/noise/hush.wav", np.zeros(RATE // 2))
    write(folder / "test/noise/square.wav", np.tile([0.5, -0.5], RATE))
    rows = describe_corpus(load_corpus(folder))
    assert [(r.part, r.name) for r in rows[:3]] == [
        ("train/speech", "anna"),
        ("train/noise", "rain"),
        ("test/speech", "ben"),
    ]
    assert (rows[3].seconds, rows[3].level) == (0.5, -np.inf)
    assert rows[4].seconds == 2
    assert rows[4].level == pytest.approx(-6.02, abs=0.01)


# Folders


def test_sub_folders_are_walked_in_order_and_names_are_unique(folder, rng):
    speech = folder / "train/speech"
    for path in ("dr1/f1/sa1.WAV", "dr1/m2/SA1.wav", "dr1/m2/si7.wav", "x/si7.flac", "x/si7.wav"):
        write(speech / path, rng.uniform(-0.5, 0.5, 100))
    clips = load_corpus(folder).train_speech
    assert clips.names == (
        "anna",
        "dr1_f1_sa1",
        "dr1_m2_SA1",
        "dr1_m2_si7",
        "x_si7_flac",
        "x_si7_wav",
    )


def test_names_stay_unique_when_joined_paths_clash(folder, rng):
    speech = folder / "train/speech"
    for path in ("a/b.wav", "c/b.wav", "a_b.wav", "a_b_wav.wav"):
        write(speech / path, rng.uniform(-0.5, 0.5, 100))
    names = load_corpus(folder).train_speech.names
    assert len(set(names)) == len(names) == 5


def test_hidden_and_other_files_are_left_alone(folder):
    (folder / "train/speech/notes.txt").write_text("not audio")
    (folder / "train/speech/._anna.wav").write_bytes(b"a Mac's resource fork")
    (folder / "train/speech/.cache").mkdir()
    (folder / "train/speech/.cache/x.wav").write_bytes(b"hidden")
    loaded = load_corpus(folder)
    assert loaded.train_speech.names == ("anna",)
    assert loaded.skipped == ()


def test_links_are_followed_and_circles_end(folder, tmp_path_factory, rng):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere / "carol.wav", rng.uniform(-0.5, 0.5, 100))
    (elsewhere / "back").symlink_to(elsewhere)
    for name in ("linked", "linked again"):
        (folder / "train/speech" / name).symlink_to(elsewhere)
    assert load_corpus(folder).train_speech.names == ("anna", "carol")


@pytest.mark.skipif(sys.platform != "linux", reason="Names are Unicode here.")
def test_name_that_is_no_unicode_gets_one_that_can_be_written(folder):
    anna = folder / "train/speech/anna.wav"
    anna.rename(anna.with_name(os.fsdecode(b"an\xffa.wav")))
    assert "an\N{REPLACEMENT CHARACTER}a" in load_corpus(folder).train_speech.names


def test_folder_that_may_not_be_read_is_named(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(NmflabError, match=r"speech' can't be read \(Permission denied\)"):
        load_corpus(folder)


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("flac", {}),
        ("ogg", {}),
        ("mp3", {}),
        ("wav", {"subtype": "FLOAT"}),
        ("wav", {"format": "NIST"}),
        ("sph", {"format": "NIST"}),
    ],
)
def test_formats_that_libsndfile_reads_are_read(folder, ending, options):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    write(folder / f"train/speech/tone.{ending}", tone, **options)
    loaded = load_corpus(folder)
    assert loaded.skipped == ()
    assert loaded.train_speech["tone"].std() == pytest.approx(tone.std(), rel=0.05)


def test_other_rates_and_stereo_are_brought_to_the_wanted_rate_and_mono(folder, rng):
    write(folder / "train/noise/noisex.wav", rng.uniform(-0.5, 0.5, (19980, 2)), 19980)
    loaded = load_corpus(folder, sampling_rate=8000)
    assert loaded.sampling_rate == 8000
    assert loaded.train_speech["anna"].shape == (8000,)
    total = loaded.train_noise["noisex"].size + loaded.test_noise["noisex"].size
    assert total == pytest.approx(8000, abs=1)


def test_corrupt_files_are_skipped_and_named(folder):
    (folder / "train/speech/broken.wav").write_bytes(b"RIFF but not really")
    (folder / "test/speech/empty.flac").write_bytes(b"")
    loaded = load_corpus(folder)
    assert loaded.train_speech.names == ("anna",)
    assert len(loaded.skipped) == 2
    assert "broken.wav" in loaded.skipped[0]
    assert "empty.flac" in loaded.skipped[1]


def test_nothing_readable_is_an_error_that_names_folder_and_reason(folder):
    (folder / "train/speech/anna.wav").write_bytes(b"")
    message = r"None of the audio files \(1\) in '.*speech' can be read: .*anna.wav.* is empty"
    with pytest.raises(NmflabError, match=message):
        load_corpus(folder)


def test_missing_data_folder_says_what_belongs_in_one(tmp_path):
    with pytest.raises(
        NmflabError, match=r"no data folder '.*nowhere': make one with train/speech"
    ):
        load_corpus(tmp_path / "nowhere")


@pytest.mark.parametrize("load", [load_corpus, load_clips])
def test_unusable_rate_is_no_file_s_fault(folder, load):
    with pytest.raises(NmflabError, match=r"^sampling_rate is 1000000000\.0 but must be"):
        load(folder, 1e9)


def test_missing_part_is_named(folder):
    (folder / "test/speech/ben.wav").unlink()
    (folder / "test/speech").rmdir()
    with pytest.raises(NmflabError, match="has no folder 'test/speech': it must hold"):
        load_corpus(folder)


def test_empty_part_is_named(folder):
    (folder / "train/noise/rain.wav").unlink()
    with pytest.raises(NmflabError, match="noise' holds no audio files: put recordings there"):
        load_corpus(folder)


@pytest.mark.parametrize("empty_folder", [False, True])
def test_without_test_noise_the_unused_last_fifth_is_tested_on(folder, empty_folder):
    if empty_folder:
        (folder / "test/noise").mkdir()
    loaded = load_corpus(folder)
    (whole,) = load_clips(folder / "train/noise")
    (train,), (test,) = loaded.train_noise, loaded.test_noise
    assert (train.size, test.size) == (12800, 3200)
    np.testing.assert_array_equal(np.concatenate([train, test]), whole)
    assert loaded.noise_names == loaded.train_noise.names == ("rain",)


def test_noise_too_short_to_share_is_refused(folder):
    write(folder / "train/noise/click.wav", [0.1, 0.2])
    with pytest.raises(NmflabError, match=r"click.wav' is too short \(2 samples\)"):
        load_corpus(folder)


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


# Public corpora


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
    return [path for path in cache.rglob("*") if path.is_file()] if cache.exists() else []


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
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["downloads"]
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
