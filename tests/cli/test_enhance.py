"""``nmflab enhance``: the output tree, bad input, interrupts."""

import json
import subprocess
import sys

import numpy as np
import pytest
from support.commands import FAST, NOISE, RATE, SPEECH, clip, one_sentence, scores, tree

import nmflab
import nmflab.evaluation.sweep
from nmflab.audio.files import read_audio, write_audio
from nmflab.cli import main as cli
from nmflab.corpus import dictionaries
from nmflab.errors import NmflabError
from nmflab.evaluation import experiment, metrics, outputs
from nmflab.evaluation.experiment import enhance_corpus
from nmflab.evaluation.outputs import RECORD, columns
from nmflab.recordings.blocks import separate_speech
from nmflab.settings import Settings


@pytest.mark.slow
def test_enhance_writes_the_whole_tree(enhance, tmp_path, capsys):
    assert enhance() == 0
    pairs = [f"{s}_{n}" for n in NOISE for s in SPEECH]
    wanted = {"scores.csv", ".scores.csv.lock"}
    wanted |= {f"merged_audio/merged_train_{s}_audio.wav" for s in ("speech", "noise")}
    wanted |= {f"test_noisy_audio/{pair}.wav" for pair in pairs}
    wanted |= {f"enhanced_audio/NMF_e/enhanced_{pair}.wav" for pair in pairs}
    wanted |= {f"plot/NMF_e/{pair}.png" for pair in pairs}
    folders = ("merged_audio", "test_noisy_audio", "enhanced_audio/NMF_e")
    wanted |= {f"{folder}/record.json" for folder in folders}
    assert set(tree(tmp_path / "output")) == wanted

    rows = scores(tmp_path / "output")
    assert tuple(rows[0]) == (*columns(), *RECORD)
    assert [f"{r['speech']}_{r['noise']}" for r in rows] == pairs
    for row in rows:
        assert (row["mode"], float(row["snr"])) == ("NMF_e", 0.0)
        gain = float(row["sdr_after"]) - float(row["sdr_before"])
        assert float(row["sdr_gain"]) == pytest.approx(gain, abs=2e-4)
        assert float(row["si_sdr_before"]) == pytest.approx(0, abs=0.5)

    out, err = capsys.readouterr()
    assert err == ""
    table = [line.split() for line in out.splitlines()]
    assert [line[0] for line in table if line[1:2] == ["2"]] == list(NOISE)
    mean = next(line for line in table if line[:2] == ["mean", "4"])
    sdr = np.mean([float(row["sdr_after"]) for row in rows])
    assert float(mean[3]) == pytest.approx(sdr, abs=0.051)
    assert "4 mixtures by NMF_e" in out
    assert "…" not in out
    assert "\x1b" not in out


def test_enhanced_and_noisy_audio_fit_the_test_clip(enhance, data, tmp_path):
    assert enhance("-v", 0, "--snr", 6) == 0
    speech = read_audio(data / "test/speech/ann.wav", RATE)
    noisy = read_audio(tmp_path / "output/test_noisy_audio/ann_hum.wav", RATE)
    enhanced = read_audio(tmp_path / "output/enhanced_audio/NMF_e/enhanced_ann_hum.wav", RATE)
    assert speech.shape == noisy.shape == enhanced.shape
    snr = 10 * np.log10(np.sum(speech**2) / np.sum((noisy - speech) ** 2))
    assert snr == pytest.approx(6, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("options", [("-v", 0), ("--visualize", 0), ("--plot-save", 0)])
def test_no_plots(enhance, tmp_path, options):
    assert enhance(*options) == 0
    assert not (tmp_path / "output/plot").exists()


@pytest.mark.parametrize("mode", ["NMF", "NMF_g", "NMF_e"])
def test_every_mode(enhance, tmp_path, mode):
    assert enhance("-v", 0, "--nmf_mode", mode, "--penalty", 0.5) == 0
    assert {row["mode"] for row in scores(tmp_path / "output")} == {mode}


@pytest.mark.slow
def test_rows_of_another_run_are_kept_and_the_same_run_replaces_its_own(enhance, tmp_path):
    runs = [("NMF",), ("NMF_e",), ("NMF_e", "--penalty", 0.5), ("NMF_e", "--snr", 5)]
    for run in (*runs, runs[1]):
        assert enhance("-v", 0, "--nmf_mode", *run) == 0
    rows = scores(tmp_path / "output")
    made = [(row["mode"], row["snr"], json.loads(row["settings"]).get("penalty")) for row in rows]
    assert made == [
        *[("NMF", "0.0", None)] * 4,
        *[("NMF_e", "0.0", 0.5)] * 4,
        *[("NMF_e", "5.0", None)] * 4,
        *[("NMF_e", "0.0", None)] * 4,
    ]


@pytest.mark.slow
def test_files_of_another_run_are_kept_and_the_same_run_replaces_its_own(
    enhance, data, tmp_path, capsys
):
    """Each folder of sounds has one record, which says what made all that is in it."""
    output = tmp_path / "output"
    for one in ("test/speech/bob.wav", "test/noise/hum.wav"):
        (data / one).unlink()

    def files():
        found = tree(output)
        return {name: found[name] for name in found if "scores.csv" not in name}

    assert enhance() == 0
    assert capsys.readouterr().err == ""
    first = files()
    assert enhance("--penalty", 0.5) == 0
    said = "holds what another run has made, so this run's files are in"
    err = capsys.readouterr().err
    assert err == f"enhanced_audio/NMF_e {said} enhanced_audio/NMF_e_2.\n"
    second = files()
    assert first.items() <= second.items()
    new = {name.rpartition("/")[0] for name in second.keys() - first.keys()}
    assert new == {"enhanced_audio/NMF_e_2", "plot/NMF_e_2"}
    assert enhance("-v", 0, "--snr", 5, "--nmf_mode", "NMF_g") == 0
    err = capsys.readouterr().err
    assert err == f"test_noisy_audio {said} test_noisy_audio_2.\n"
    third = files()
    assert second.items() <= third.items()
    new = {name.rpartition("/")[0] for name in third.keys() - second.keys()}
    assert new == {"enhanced_audio/NMF_g", "test_noisy_audio_2"}
    for again in ((), ("--penalty", 0.5), ("-v", 0, "--snr", 5, "--nmf_mode", "NMF_g")):
        assert enhance(*again) == 0
    assert files() == third
    record = json.loads(third["enhanced_audio/NMF_e_2/record.json"])
    assert Settings.from_dict(record["settings"]).penalty == 0.5
    assert record["corpus"] == scores(output)[0]["corpus"]
    write_audio(data / "test/speech/ann.wav", clip(9), RATE)  # another corpus
    assert enhance("-v", 0) == 0
    assert third.items() <= files().items()
    assert capsys.readouterr().err.count("another run") == 2 + 3


def test_a_run_that_wrote_nothing_leaves_its_folders_to_others(enhance, monkeypatch, tmp_path):
    def ends(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dictionaries, "train_dictionary", ends)
        assert enhance("-v", 0, "--penalty", 0.5) == 130
    assert enhance("-v", 0) == 0
    assert not list(tmp_path.glob("output/enhanced_audio/*_2"))


def test_a_foreign_scores_file_is_refused_and_kept(enhance, tmp_path, capsys):
    foreign = tmp_path / "output/scores.csv"
    foreign.parent.mkdir()
    for content in (b"name,points\nann,3\n", b"\xff\xfe\x00", b'"'):
        foreign.write_bytes(content)
        assert enhance("-v", 0) == 1
        assert "scores.csv" in capsys.readouterr().err
        assert tree(foreign.parent) == {"scores.csv": content}


@pytest.mark.slow
def test_jobs_give_the_same_bytes(enhance, tmp_path):
    assert enhance(output=tmp_path / "one") == 0
    assert enhance("--jobs", 2, output=tmp_path / "two") == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


@pytest.mark.slow
def test_jobs_give_the_same_bytes_out_of_a_cache_too(enhance, tmp_path, monkeypatch):
    assert enhance("--penalty", 0.3, output=tmp_path / "plain") == 0
    monkeypatch.setenv("NMFLAB_CACHE", str(tmp_path / "cache"))
    for jobs in (3, 1):
        assert enhance("--penalty", 0.2, "--jobs", jobs, output=tmp_path / "before") == 0
        assert enhance("--penalty", 0.3, "--jobs", jobs, output=tmp_path / str(jobs)) == 0
    assert tree(tmp_path / "plain") == tree(tmp_path / "1") == tree(tmp_path / "3")


@pytest.mark.slow
def test_another_penalty_trains_nothing_and_scores_no_mixture_again(enhance, tmp_path, monkeypatch):
    monkeypatch.setenv("NMFLAB_CACHE", str(tmp_path / "cache"))
    trained, scored = [], []
    train, score = dictionaries.train_dictionary, metrics.Truth.scores
    monkeypatch.setattr(
        dictionaries, "train_dictionary", lambda *a, **k: trained.append(1) or train(*a, **k)
    )
    monkeypatch.setattr(metrics.Truth, "scores", lambda *a: scored.append(1) or score(*a))

    def work(*options):
        trained.clear()
        scored.clear()
        assert enhance("-v", 0, *options) == 0
        return len(trained), len(scored)

    assert work() == (3, 8)  # speech and two noises; four mixtures, before and after
    assert work("--penalty", 0.3) == (0, 4)
    assert work("--nmf_mode", "NMF") == (0, 4)
    assert work("--snr", 3) == (0, 8)
    assert work("-b_noise", 3) == (2, 4)
    kept = tree(tmp_path / "cache")
    assert work("--no-cache", "--seed", 1) == (3, 8)
    assert tree(tmp_path / "cache") == kept
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert work() == (3, 8)


@pytest.mark.slow
def test_joint_dictionary_differs_and_stands_in_for_a_missing_noise(enhance, data, tmp_path):
    assert enhance("-v", 0, output=tmp_path / "each") == 0
    assert enhance("-v", 0, "--noise_dictionary", "joint", output=tmp_path / "joint") == 0
    each, joint = scores(tmp_path / "each"), scores(tmp_path / "joint")
    assert all(a["sdr_after"] != b["sdr_after"] for a, b in zip(each, joint, strict=True))
    (data / "test/noise/hum.wav").rename(data / "test/noise/saw.wav")
    assert enhance("-v", 0, output=tmp_path / "saw") == 0
    mixed = scores(tmp_path / "saw")
    assert [row["corpus"] for row in mixed[:2]] != [row["corpus"] for row in each[:2]]
    assert [{**row, "corpus": ""} for row in mixed[:2]] == [
        {**row, "corpus": ""} for row in each[:2]
    ]
    assert [r["sdr_after"] for r in mixed[2:]] == [r["sdr_after"] for r in joint[2:]]


@pytest.mark.slow
def test_three_runs_at_the_same_time_keep_all_their_rows(data, tmp_path):
    command = [sys.executable, "-m", "nmflab", "enhance", "--data", str(data), "-v", "0", *FAST]
    runs = [
        subprocess.Popen([*command, "--output", str(tmp_path / "out"), "--nmf_mode", mode])
        for mode in ("NMF", "NMF_g", "NMF_e")
    ]
    assert [run.wait(timeout=120) for run in runs] == [0, 0, 0]
    made = [row["mode"] for row in scores(tmp_path / "out")]
    assert sorted(made) == ["NMF"] * 4 + ["NMF_e"] * 4 + ["NMF_g"] * 4


def test_pictures_are_shown_where_they_can_be_and_said_where_they_cannot(
    enhance, data, monkeypatch, capsys, tmp_path
):
    from nmflab.figures import windows

    assert enhance("--plot_save", 0) == 0
    assert "can't be shown here" in capsys.readouterr().err
    titles = []
    monkeypatch.setattr(windows, "can_show", lambda: True)
    monkeypatch.setattr(windows, "show", lambda draw: titles.append(draw().get_suptitle()))
    (data / "test/speech/bob.wav").unlink()
    assert enhance("--plot_save", 0, "--snr", 6) == 0
    assert titles == ["ann in hiss at 6 dB", "ann in hum at 6 dB"]
    assert not (tmp_path / "output/plot").exists()
    assert "2 mixtures by" in capsys.readouterr().out


def test_windows_open_one_after_the_other(monkeypatch):
    from matplotlib import pyplot

    from nmflab.figures import windows

    shown = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.get_fignums()))
    for _ in range(2):
        windows.show(lambda new: new())
    assert [len(numbers) for numbers in shown] == [1, 1]
    assert pyplot.get_fignums() == []
    assert not windows.can_show()


# Bad input


def test_an_empty_name_is_refused(data, tmp_path, capsys):
    for option in ("--output", "--data"):
        assert cli.main(["enhance", "--data", str(data), option, ""]) == 2
        assert "the name is empty" in capsys.readouterr().err


def test_an_unreadable_file_is_named_skipped_and_counted(enhance, data, tmp_path, capsys):
    (data / "test/speech/broken.wav").write_bytes(b"RIFF, but no more")
    assert enhance("-v", 0) == 0
    out, err = capsys.readouterr()
    assert "broken.wav" in err
    assert "4 mixtures by NMF_e, 1 skipped" in out
    assert len(scores(tmp_path / "output")) == 4


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.slow
def test_silent_clips_are_named_skipped_and_counted(enhance, data, tmp_path, capsys, jobs):
    write_audio(data / "test/speech/mute.wav", np.zeros(RATE // 2), RATE)
    write_audio(data / "test/noise/vacuum.wav", np.zeros(RATE // 2), RATE)
    assert enhance("-v", 0, "--jobs", jobs) == 0
    out, err = capsys.readouterr()
    assert sum("mute" in line for line in err.splitlines()) == 3
    assert sum("vacuum" in line for line in err.splitlines()) == 3
    assert "4 mixtures by NMF_e, 5 skipped" in out


def test_a_silent_training_noise_costs_only_its_own_mixtures(enhance, data, tmp_path, capsys):
    write_audio(data / "train/noise/hum.wav", np.zeros(RATE // 2), RATE)
    assert enhance("-v", 0) == 0
    assert "hum" in capsys.readouterr().err
    assert {row["noise"] for row in scores(tmp_path / "output")} == {"hiss"}


def test_nothing_usable_is_a_failure(enhance, data, tmp_path, capsys):
    for name in SPEECH:
        write_audio(data / "test/speech" / f"{name}.wav", np.zeros(RATE // 2), RATE)
    assert enhance("-v", 0) == 1
    one_sentence(capsys, "ann", "4 reasons")
    assert not (tmp_path / "output/scores.csv").exists()


def test_names_too_long_for_a_file_are_skipped(enhance, data, tmp_path, capsys):
    write_audio(data / "test/speech" / f"{'long' * 62}.wav", clip(1), RATE)
    assert enhance("-v", 0) == 0
    assert capsys.readouterr().err.count("too long") == 2
    assert len(scores(tmp_path / "output")) == 4


def test_speech_and_noise_that_cancel_out_are_skipped(enhance, data, tmp_path, capsys):
    write_audio(data / "test/speech/hum.wav", -read_audio(data / "test/noise/hum.wav"), RATE)
    assert enhance("-v", 0) == 0
    assert "cancel each other out" in capsys.readouterr().err
    assert len(scores(tmp_path / "output")) == 5


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_run_in_one_sentence(
    enhance, tmp_path, monkeypatch, capsys, jobs
):
    write_merged = outputs.OutputTree.write_merged

    def write_merged_and_block_a_file(tree, corpus):
        write_merged(tree, corpus)
        (tmp_path / "output/enhanced_audio/NMF_e/enhanced_ann_hiss.wav").mkdir(parents=True)

    monkeypatch.setattr(outputs.OutputTree, "write_merged", write_merged_and_block_a_file)
    assert enhance("-v", 0, "--jobs", jobs) == 1
    one_sentence(capsys, "enhanced_ann_hiss.wav")


@pytest.mark.parametrize("place", ["train/speech", "test/noise/results", "link"])
def test_output_among_the_recordings_is_refused(enhance, data, capsys, place):
    (data / "link").symlink_to(data / "test/speech")
    before = tree(data)
    assert enhance("-v", 0, output=data / place) == 1
    one_sentence(capsys, "recordings", "--output")
    assert tree(data) == before
    assert enhance("-v", 0, output=data / "results") == 0


def test_names_that_would_clash_are_refused(enhance, data, capsys):
    write_audio(data / "test/speech/ann_hum.wav", clip(1), RATE)
    write_audio(data / "test/noise/hum_hum.wav", clip(2), RATE)
    assert enhance("-v", 0) == 1
    assert "ann_hum_hum" in capsys.readouterr().err


def test_missing_data_folder(tmp_path, capsys):
    assert cli.main(["enhance", "--data", str(tmp_path / "nowhere")]) == 1
    one_sentence(capsys, "nowhere")


def test_empty_data_folder(data, enhance, capsys):
    for file in (data / "train/noise").iterdir():
        file.unlink()
    assert enhance() == 1
    one_sentence(capsys, "noise")


def test_output_that_cannot_be_written(enhance, tmp_path, capsys):
    (tmp_path / "output").write_text("a file, not a folder")
    assert enhance() == 1
    one_sentence(capsys, "output")
    assert (tmp_path / "output").read_text() == "a file, not a folder"


def test_a_window_without_inverse_is_refused_before_anything_is_written(enhance, tmp_path, capsys):
    for window in ("hann", "nonsense", "nan", ""):
        assert enhance("--window", window, "--overlap", 0) == 2
        assert repr(window) in (err := capsys.readouterr().err) or f"The {window} window" in err
    assert not (tmp_path / "output").exists()


def test_wrong_choices_in_python(data, tmp_path):
    corpus = nmflab.load_corpus(data)
    for wrong in ({"noise_dictionary": "none"}, {"jobs": 0}):
        with pytest.raises(NmflabError, match=next(iter(wrong))):
            enhance_corpus(corpus, Settings(), tmp_path, **wrong)
    with pytest.raises(NmflabError, match="read at 16000 Hz but sampling_rate is 8000 Hz"):
        enhance_corpus(corpus, Settings(sampling_rate=8000), tmp_path)


# Interrupts


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_written(enhance, tmp_path, monkeypatch, capsys):
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return separate_speech(*arguments, **options)

    monkeypatch.setattr(experiment, "separate_speech", interrupted)
    assert enhance() == 130
    assert "Interrupted" in capsys.readouterr().err
    files = tree(tmp_path / "output")
    assert "scores.csv" not in files
    files = {name for name in files if not name.endswith("record.json")}
    assert sum(name.startswith("enhanced_audio") for name in files) == 1
    assert all(name.endswith((".wav", ".png")) for name in files - {".scores.csv.lock"})
