"""The command line: every option, the output tree, the exit codes, bad input, interrupts."""

import csv
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import nmflab
import nmflab.evaluation.sweep
from nmflab.audio.files import read_audio, write_audio
from nmflab.cli import main as cli
from nmflab.errors import NmflabError
from nmflab.evaluation import experiment, outputs
from nmflab.evaluation.experiment import enhance_corpus
from nmflab.evaluation.outputs import columns
from nmflab.settings import Settings
from nmflab.system import files

RATE = 16000
COMMANDS = [["enhance"], ["train"], ["separate"], ["data"]]
FAST = ["-b_speech", "4", "-b_noise", "4", "-i_train", "5", "-i_test", "3"]
SPEECH, NOISE = ("ann", "bob"), ("hiss", "hum")

# The table of section 3 of the original's options: name, spellings, default, another value.
TABLE = [
    ("nmf_mode", ["--nmf_mode"], "NMF_e", "NMF_g"),
    ("sampling_rate", ["-sr", "--sampling_rate"], 16000, 8000),
    ("fft", ["--fft"], 512, 1024),
    ("window", ["--window"], "hamming", "hann"),
    ("win_size", ["--win_size"], 256, 512),
    ("overlap", ["--overlap"], 192, 128),
    ("max_iter_train", ["-i_train", "--max_iter_train"], 100, 7),
    ("max_iter_test", ["-i_test", "--max_iter_test"], 30, 8),
    ("num_basis_speech", ["-b_speech", "--num_basis_speech"], 128, 9),
    ("num_basis_noise", ["-b_noise", "--num_basis_noise"], 128, 10),
    ("epsilon", ["-e", "--epsilon"], 0.5, 0.25),
    ("penalty", ["--penalty"], 0.005, 0.5),
    ("p", ["--p"], 2.0, 1.5),
    ("snr", ["--snr"], 0.0, -5.0),
    ("seed", ["--seed"], 0, 3),
    ("update", ["--update"], "mm", "mu"),
    ("penalty_scale", ["--penalty_scale"], "relative", "raw"),
    ("activation_floor", ["--activation_floor"], 0.1, 0.01),
    ("solver", ["--solver"], "plain", "accelerated"),
]
OWN = [
    ("visualize", ["-v", "--visualize"], 1, 0),
    ("plot_save", ["--plot_save"], 1, 0),
    ("data", ["--data"], None, "somewhere"),
    ("output", ["--output"], "output", "elsewhere"),
    ("jobs", ["--jobs"], 1, 2),
    ("noise_dictionary", ["--noise_dictionary"], "each", "joint"),
    ("preset", ["--preset"], "original", "tuned"),
]


def spellings(rows):
    """List (name, spelling, value) with each long spelling also in dashes."""
    for name, options, _, value in rows:
        for option in dict.fromkeys([*options, *(o.replace("_", "-") for o in options[-1:])]):
            yield pytest.param(name, option, value, id=option)


def clip(seed, seconds=0.5):
    """Half a second of something with an envelope."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * (120 + 40 * seed) * k * t) / k for k in range(1, 6))
    return (0.1 * tone * (1 + np.sin(20 * t)) + 0.01 * rng.standard_normal(t.size)).astype("f4")


@pytest.fixture
def data(tmp_path):
    """Give a data folder with two speakers and two noises in each part."""
    root = tmp_path / "data"
    for part in ("train", "test"):
        for seed, name in enumerate(SPEECH, start=part == "test"):
            write_audio(root / part / "speech" / f"{name}.wav", clip(seed), RATE)
        for seed, name in enumerate(NOISE, start=10 * (part == "test")):
            noise = 0.1 * np.random.default_rng(seed).standard_normal(RATE // 2)
            write_audio(root / part / "noise" / f"{name}.wav", np.clip(noise, -1, 1), RATE)
    return root


@pytest.fixture
def enhance(data, tmp_path):
    """Give a function that runs ``nmflab enhance`` on the folder and returns the exit code."""

    def run(*options, output=tmp_path / "output"):
        return cli.main(
            ["enhance", "--data", str(data), "--output", str(output), *FAST, *map(str, options)]
        )

    return run


@pytest.fixture
def model(data, tmp_path):
    """Give the path of a small trained model."""
    path = tmp_path / "model.npz"
    assert cli.main(["train", "--data", str(data), "--output", str(path), *FAST]) == 0
    return path


def tree(root):
    """Map the name of every file under a folder to its content."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def one_sentence(capsys, *words):
    """Check that the error is a single line with these words, and no traceback."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("nmflab: ")
    assert lines[0].endswith(".")
    assert [word for word in words if word not in lines[0]] == []


def scores(root):
    with (root / "scores.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# The arguments


def test_the_table_covers_every_setting():
    assert {row[0] for row in TABLE} == {f.name for f in dataclasses.fields(Settings)}


@pytest.mark.parametrize(("name", "option", "value"), list(spellings(TABLE)))
def test_every_spelling_of_a_setting_reaches_it(name, option, value):
    arguments = cli.parse(["enhance", option, str(value)])
    assert arguments.settings == Settings(**{name: value})
    if option.startswith("--"):
        assert cli.parse(["enhance", f"{option}={value}"]).settings == arguments.settings


@pytest.mark.parametrize(("name", "option", "value"), list(spellings(OWN)))
def test_every_spelling_of_an_own_option_is_taken(name, option, value):
    assert getattr(cli.parse(["enhance", option, str(value)]), name) == value


def test_the_defaults_are_those_of_the_table():
    arguments = cli.parse(["enhance"])
    assert arguments.settings.to_dict() == {name: default for name, _, default, _ in TABLE}
    assert {n: getattr(arguments, n) for n, *_ in OWN} == {n: d for n, _, d, _ in OWN}


@pytest.mark.parametrize(("option", "kind"), [("--fft", "whole number"), ("--p", "number")])
def test_a_value_that_is_no_number_is_said_in_plain_words(capsys, option, kind):
    assert cli.main(["enhance", option, "many"]) == 2
    assert f"{option}: 'many' is not a {kind}" in capsys.readouterr().err


def test_a_given_option_beats_the_preset():
    tuned = Settings.tuned()
    assert cli.parse(["enhance", "--preset", "tuned"]).settings == tuned
    assert cli.parse(["train"]).settings == tuned
    assert cli.parse(["train", "--preset", "original"]).settings == Settings()
    given = cli.parse(["train", "--penalty", "0.005"]).settings
    assert given == tuned.replace(penalty=0.005)


def test_what_comes_after_two_dashes_keeps_its_own():
    assert cli.parse(["separate", "m", "--", "--my-file.wav"]).files == ["--my-file.wav"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "enhance --nmf_mode NMF_x",
        "enhance --penalty -1",
        "enhance --penalty nan",
        "enhance --p 0",
        "enhance --p",
        "enhance --fft 128",
        "enhance -i_train 1.5",
        "enhance -v 2",
        "enhance --jobs 0",
        "enhance --jobs two",
        "enhance --pen 1",
        "enhance --noise_dictionary none",
        "enhance --window hann --overlap 0",
        "enhance --foo 1",
        "train --overlap 0",
        "train --visualize 0",
        "train --speech a.wav",
        "train --speech a.wav --noise b.wav --data c",
        "train --snr 3",
        "separate",
        "separate model.npz",
        "separate model.npz a.wav --fft 1024",
        "data nothing",
        "sweep",
        "sweep --grid penalty",
        "sweep --grid lambda=1",
        "sweep --grid penalty=a,b",
        "sweep --grid num_basis_noise=1.5",
        "sweep --grid p=1 --grid p=2",
        "sweep --grid p=1 --part train",
    ],
)
def test_bad_arguments_exit_2_with_one_sentence(line, capsys):
    assert cli.main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("nmflab")
    assert len(err.splitlines()) == 2
    command = " ".join(line.split()[:1]) if line.split()[:1] in COMMANDS else ""
    assert f"Try 'nmflab {command}".strip() in err.splitlines()[1]
    assert "--help" in err.splitlines()[1]


@pytest.mark.parametrize(
    "command", ["", *["enhance", "train", "separate", "sweep", "data"], "data fetch"]
)
def test_help_of_every_command(command, capsys):
    assert cli.main([*command.split(), "--help"]) == 0
    assert "usage: nmflab" in capsys.readouterr().out


def test_help_shows_units_and_defaults(capsys):
    defaults = {"enhance": Settings(), "train": Settings.tuned()}
    for command, settings in defaults.items():
        cli.main([command, "--help"])
        text = " ".join(capsys.readouterr().out.split())
        assert f"window length in samples (default: {settings.win_size})" in text
        assert "sampling rate in Hz; audio at other rates is resampled (default: 16000)" in text
        assert f"(default: {settings.penalty})" in text
        assert "-b_speech N, --num_basis_speech N" in text
    for meaning in ("NMF_g with gamma priors", "mm majorise-minimise", "raw: as", "longer steps"):
        assert meaning in text
    cli.main(["separate", "--help"])
    assert "(default: the model's)" in " ".join(capsys.readouterr().out.split())


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"nmflab {nmflab.__version__}\n"


def run_module(*arguments, **streams):
    """Run the command in a process of its own, with Python's own buffers."""
    command = [sys.executable, "-m", "nmflab", *map(str, arguments)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return subprocess.run(command, env=environment, check=False, **streams)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipes.")
@pytest.mark.parametrize("line", [["--version"], ["data", "--data"]])
def test_a_reader_that_has_seen_enough_is_no_error(data, line):
    reader, writer = os.pipe()
    os.close(reader)
    run = run_module(*line, *[data] * (len(line) > 1), stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (run.returncode, run.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="No full device.")  # noqa: PTH110
def test_output_that_finds_no_space_is_said_in_one_sentence():
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        run = run_module("--version", stdout=full, stderr=subprocess.PIPE)
    assert run.returncode == 1
    assert run.stderr == b"nmflab: The output can't be shown: No space left on device.\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows can't shut a stream for a process.")
def test_shut_streams_are_no_error(data, tmp_path):
    line = ["enhance", "--data", data, "--output", tmp_path / "output", "-v", 0, *FAST]
    run = run_module(*line, stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2))
    assert run.returncode == 0
    assert b"4 mixtures" in run.stdout
    run = run_module("data", "fetch", "nonsense", preexec_fn=lambda: os.closerange(1, 3))
    assert run.returncode == 1


def test_help_is_light_and_module_is_runnable():
    trace = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "nmflab", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rsplit("|", 1)[-1].strip() for line in trace.stderr.splitlines()}
    assert "enhance" in trace.stdout
    heavy = {
        "matplotlib",
        "rich",
        "librosa",
        "soundfile",
        "scipy.signal",
        "nmflab.evaluation.experiment",
    }
    assert loaded & heavy == set()


def test_symbols_survive_a_poor_encoding():
    run = subprocess.run(
        [sys.executable, "-m", "nmflab", "enhance", "--help"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, b"")


# nmflab enhance


def test_enhance_writes_the_whole_tree(enhance, tmp_path, capsys):
    assert enhance() == 0
    pairs = [f"{s}_{n}" for n in NOISE for s in SPEECH]
    wanted = {"scores.csv"}
    wanted |= {f"merged_audio/merged_train_{s}_audio.wav" for s in ("speech", "noise")}
    wanted |= {f"test_noisy_audio/{pair}.wav" for pair in pairs}
    wanted |= {f"enhanced_audio/NMF_e/enhanced_{pair}.wav" for pair in pairs}
    wanted |= {f"plot/NMF_e/{pair}.png" for pair in pairs}
    assert set(tree(tmp_path / "output")) == wanted

    rows = scores(tmp_path / "output")
    assert tuple(rows[0]) == columns()
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


@pytest.mark.parametrize("options", [("-v", 0), ("--visualize", 0), ("--plot-save", 0)])
def test_no_plots(enhance, tmp_path, options):
    assert enhance(*options) == 0
    assert not (tmp_path / "output/plot").exists()


@pytest.mark.parametrize("mode", ["NMF", "NMF_g", "NMF_e"])
def test_every_mode(enhance, tmp_path, mode):
    assert enhance("-v", 0, "--nmf_mode", mode, "--penalty", 0.5) == 0
    assert {row["mode"] for row in scores(tmp_path / "output")} == {mode}


def test_rows_of_another_mode_are_kept(enhance, tmp_path):
    for mode in ("NMF", "NMF_e"):
        assert enhance("-v", 0, "--nmf_mode", mode) == 0
    first = scores(tmp_path / "output")
    assert enhance("-v", 0, "--penalty", 0.5) == 0
    again = scores(tmp_path / "output")
    assert [row["mode"] for row in again] == ["NMF"] * 4 + ["NMF_e"] * 4
    assert again[:4] == first[:4]
    assert again[4:] != first[4:]


def test_a_foreign_scores_file_is_refused_and_kept(enhance, tmp_path, capsys):
    foreign = tmp_path / "output/scores.csv"
    foreign.parent.mkdir()
    for content in (b"name,points\nann,3\n", b"\xff\xfe\x00", b'"'):
        foreign.write_bytes(content)
        assert enhance("-v", 0) == 1
        assert "scores.csv" in capsys.readouterr().err
        assert tree(foreign.parent) == {"scores.csv": content}


def test_jobs_give_the_same_bytes(enhance, tmp_path):
    assert enhance(output=tmp_path / "one") == 0
    assert enhance("--jobs", 2, output=tmp_path / "two") == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_joint_dictionary_differs_and_stands_in_for_a_missing_noise(enhance, data, tmp_path):
    assert enhance("-v", 0, output=tmp_path / "each") == 0
    assert enhance("-v", 0, "--noise_dictionary", "joint", output=tmp_path / "joint") == 0
    each, joint = scores(tmp_path / "each"), scores(tmp_path / "joint")
    assert all(a["sdr_after"] != b["sdr_after"] for a, b in zip(each, joint, strict=True))
    (data / "test/noise/hum.wav").rename(data / "test/noise/saw.wav")
    assert enhance("-v", 0, output=tmp_path / "saw") == 0
    mixed = scores(tmp_path / "saw")
    assert mixed[:2] == each[:2]
    assert [r["sdr_after"] for r in mixed[2:]] == [r["sdr_after"] for r in joint[2:]]


# Bad input


def test_an_unreadable_file_is_named_skipped_and_counted(enhance, data, tmp_path, capsys):
    (data / "test/speech/broken.wav").write_bytes(b"RIFF, but no more")
    assert enhance("-v", 0) == 0
    out, err = capsys.readouterr()
    assert "broken.wav" in err
    assert "4 mixtures by NMF_e, 1 skipped" in out
    assert len(scores(tmp_path / "output")) == 4


@pytest.mark.parametrize("jobs", [1, 2])
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
def test_a_disk_that_fills_up_ends_the_run_in_one_sentence(
    enhance, tmp_path, monkeypatch, capsys, jobs
):
    make_folder = outputs.make_folder

    def make_folder_then_block_a_file(folder):
        make_folder(folder)
        (tmp_path / "output/enhanced_audio/NMF_e/enhanced_ann_hiss.wav").mkdir(parents=True)
        monkeypatch.undo()

    monkeypatch.setattr(outputs, "make_folder", make_folder_then_block_a_file)
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


def test_ctrl_c_leaves_nothing_half_written(enhance, tmp_path, monkeypatch, capsys):
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return nmflab.separate(*arguments, **options)

    monkeypatch.setattr(experiment, "separate", interrupted)
    assert enhance() == 130
    assert "Interrupted" in capsys.readouterr().err
    files = tree(tmp_path / "output")
    assert "scores.csv" not in files
    assert sum(name.startswith("enhanced_audio") for name in files) == 1
    assert all(name.endswith((".wav", ".png")) for name in files)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process.")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_all_processes(data, tmp_path, jobs):
    slow = ["-b_speech", "4", "-b_noise", "4", "-i_train", "5", "-i_test", "5000", "-e", "0"]
    command = [sys.executable, "-m", "nmflab", "enhance", "--data", str(data), "--jobs", jobs]
    output = tmp_path / "output"
    run = subprocess.Popen(
        [*command, "--output", str(output), "-v", "0", *slow],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, as a terminal gives it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while not list(output.glob("enhanced_audio/*/*.wav")):  # until the first mixture is done
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=60)  # returns when the last process has ended
    assert run.returncode == 130
    assert "Traceback" not in err
    assert not [name for name in tree(output) if ".part" in name]
    assert "scores.csv" not in tree(output)


# nmflab sweep


@pytest.fixture
def sweep(data, tmp_path):
    """Give a function that runs ``nmflab sweep`` and returns the exit code."""

    def run(*options, output=tmp_path / "sweep.csv"):
        command = ["sweep", "--data", str(data), "--output", str(output), *FAST]
        return cli.main([*command, *map(str, options)])

    return run


def table_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_sweep_writes_every_combination_and_names_the_best(sweep, data, tmp_path, capsys):
    options = ["--grid", "penalty=0,0.1,1", "--grid", "num-basis-noise=2,4"]
    assert sweep(*options, "--part", "test", "--p", 1.5) == 0
    rows = table_of(tmp_path / "sweep.csv")
    names = ["penalty", "num_basis_noise", "noise", "speech", "sdr", "si_sdr", "stoi"]
    assert list(rows[0]) == names
    assert len(rows) == 3 * 2 * 2 * 2
    corpus = nmflab.load_corpus(data)
    settings = Settings.tuned().replace(
        num_basis_speech=4, max_iter_train=5, max_iter_test=3, p=1.5
    )
    grid = {"penalty": (0, 0.1, 1), "num_basis_noise": (2, 4)}
    found = nmflab.evaluation.sweep.sweep(corpus, settings, grid, metrics=names[4:])
    for row, wanted in zip(rows, found.to_rows(), strict=True):
        assert {name: row[name] for name in ("noise", "speech")}.items() <= wanted.items()
        for name in set(names) - {"noise", "speech"}:
            assert row[name] == ("" if np.isnan(wanted[name]) else str(wanted[name]))
    out, err = capsys.readouterr()
    assert err == ""
    best = found.best()
    line = f"--penalty {best['penalty']:g} --num_basis_noise {best['num_basis_noise']}"
    assert out.splitlines()[-1] == f"Wrote {tmp_path / 'sweep.csv'}; best sdr: {line}"
    first = out.splitlines()[1].split()
    assert first[:2] == [f"{best['penalty']:g}", str(best["num_basis_noise"])]
    assert float(first[2]) == pytest.approx(found.mean().max(), abs=0.006)


def test_sweep_chooses_on_the_validation_part(sweep, tmp_path, capsys):
    assert sweep("--grid", "p=1,2", "--metrics", "si_sdr", "--noises", "hum") == 0
    rows = table_of(tmp_path / "sweep.csv")
    assert [(row["p"], row["noise"], row["speech"]) for row in rows] == [
        ("1.0", "hum", "bob"),
        ("2.0", "hum", "bob"),
    ]
    assert sweep("--grid", "p=1", "--metrics", "si_sdr", "--clips", "bob") == 0
    assert "Replaced" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--metrics", "mos"], "no score called 'mos'"),
        (["--clips", "eve", "--part", "test"], "no test speech called 'eve'; there are: ann, bob"),
        (["--grid", "num_basis_noise=9999"], "Nothing could be scored"),
    ],
)
def test_a_sweep_that_can_t_be_is_one_sentence(sweep, tmp_path, capsys, options, sentence):
    assert sweep("--grid", "p=1", *options) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "sweep.csv").exists()


def test_sweep_checks_the_output_before_the_work(sweep, data, tmp_path, monkeypatch, capsys):
    (tmp_path / "taken").touch()
    before = tree(data)
    monkeypatch.setattr(nmflab.evaluation.sweep, "sweep", None)
    clip = data / "test/speech/ann.wav"
    for output, word in {
        tmp_path: "folder",
        "/dev/null": "device",
        tmp_path / "taken/sweep.csv": "taken",
        clip: "recording",
    }.items():
        assert sweep("--grid", "p=1", output=output) == 1
        one_sentence(capsys, word)
    assert tree(data) == before


def test_a_sweep_without_its_first_score_says_so_once_the_table_is_written(
    sweep, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(nmflab.evaluation.metrics, "pesq", lambda *_: float("nan"))
    options = ["--grid", "p=1,2", "--metrics", "pesq,si_sdr", "--noises", "hum"]
    assert sweep(*options) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"Wrote {tmp_path / 'sweep.csv'}"
    assert "No combination has the score 'pesq'" in err
    assert [row["pesq"] for row in table_of(tmp_path / "sweep.csv")] == ["", ""]


def test_ctrl_c_leaves_the_table_before(sweep, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    (tmp_path / "sweep.csv").write_text("as it was")
    monkeypatch.setattr(files, "write_table", interrupted)
    assert sweep("--grid", "p=1", "--metrics", "si_sdr") == 130
    monkeypatch.undo()
    monkeypatch.setattr(csv.DictWriter, "writerow", interrupted)
    assert sweep("--grid", "p=1", "--metrics", "si_sdr") == 130
    assert "Interrupted" in capsys.readouterr().err
    assert (tmp_path / "sweep.csv").read_text() == "as it was"
    assert not list(tmp_path.glob(".*.part"))


# nmflab train, nmflab separate


def test_train_and_separate(data, model, tmp_path, capsys):
    files = [str(data / "test/speech" / f"{name}.wav") for name in SPEECH]
    output = tmp_path / "separated"
    assert cli.main(["separate", str(model), *files, "--output", str(output)]) == 0
    assert "Wrote" in capsys.readouterr().out
    assert set(tree(output)) == {f"{n}_{s}.wav" for n in SPEECH for s in ("speech", "noise")}
    parts = [read_audio(output / f"ann_{s}.wav", RATE) for s in ("speech", "noise")]
    mixture = read_audio(data / "test/speech/ann.wav", RATE)
    assert np.abs(sum(parts) - mixture).max() < 1e-4


def test_separate_can_change_the_encoding(data, model, tmp_path):
    file = str(data / "test/speech/ann.wav")
    for name, options in {"a": [], "b": ["--penalty", "3"], "c": ["--p", "0.5"]}.items():
        line = ["separate", str(model), file, "--output", str(tmp_path / name), *options]
        assert cli.main(line) == 0
    contents = {(tmp_path / name / "ann_speech.wav").read_bytes() for name in "abc"}
    assert len(contents) == 3


def test_train_takes_files_and_folders(data, tmp_path, capsys):
    (data / "train/noise/broken.wav").write_bytes(b"nothing")
    model = tmp_path / "own.npz"
    speech, noise = data / "train/speech/ann.wav", data / "train/noise"
    line = ["train", "--speech", speech, "--noise", noise, "--output", model, *FAST]
    assert cli.main(list(map(str, line))) == 0
    out, err = capsys.readouterr()
    assert out == f"Wrote {model}\n"
    assert "broken.wav" in err
    assert cli.main(list(map(str, line))) == 0
    assert capsys.readouterr().out == f"Replaced {model}\n"
    assert nmflab.load_model(model).settings.win_size == Settings.tuned().win_size


def test_train_needs_no_test_speech(data, model, tmp_path, capsys):
    shutil.rmtree(data / "test/speech")
    own = tmp_path / "own.npz"
    assert cli.main(["train", "--data", str(data), "--output", str(own), *FAST]) == 0
    assert not capsys.readouterr().err
    one, other = nmflab.load_model(model), nmflab.load_model(own)
    assert other.settings == one.settings
    np.testing.assert_array_equal(other.speech.W, one.speech.W)
    np.testing.assert_array_equal(other.noise.W, one.noise.W)


def test_train_never_destroys_a_recording(data, tmp_path, capsys):
    before = tree(data)
    speech, noise = data / "train/speech/ann.wav", data / "train/noise"
    for given in (["--data", data], ["--speech", speech, "--noise", noise]):
        line = ["train", *given, "--output", data / "train/../train/speech/ann.wav", *FAST]
        assert cli.main(list(map(str, line))) == 1
        one_sentence(capsys, "recording", "ann.wav")
    assert tree(data) == before


def test_train_checks_the_output_before_the_work(data, tmp_path, monkeypatch, capsys):
    (tmp_path / "taken").touch()
    monkeypatch.setattr(nmflab.core.model, "train_model", None)
    line = ["train", "--data", data, "--output", tmp_path / "taken/m.npz"]
    assert cli.main(list(map(str, line))) == 1
    one_sentence(capsys, "taken")
    assert cli.main([*map(str, line[:-1]), str(tmp_path)]) == 1
    one_sentence(capsys, "folder")


def test_train_without_any_usable_file(data, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    line = ["train", "--speech", data / "train/speech", "--noise", tmp_path / "empty", *FAST]
    assert cli.main([*map(str, line), "--output", str(tmp_path / "m.npz")]) == 1
    one_sentence(capsys, "empty")
    assert not (tmp_path / "m.npz").exists()


def test_a_bad_recording_is_named_and_the_others_are_done(data, model, tmp_path, capsys):
    broken, good = tmp_path / "broken.wav", data / "test/speech/ann.wav"
    broken.write_bytes(b"nothing")
    line = ["separate", model, broken, good, tmp_path / "none.wav", "--output", tmp_path / "out"]
    assert cli.main(list(map(str, line))) == 1
    err = capsys.readouterr().err
    assert "broken.wav" in err
    assert "none.wav" in err
    assert "2 of 3" in err
    assert set(tree(tmp_path / "out")) == {"ann_speech.wav", "ann_noise.wav"}


def test_one_bad_recording_is_one_sentence(model, tmp_path, capsys):
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    for name in ("gone.wav", "loop.wav"):
        line = ["separate", str(model), str(tmp_path / name), "--output", str(tmp_path / "out")]
        assert cli.main(line) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_recording_given_twice_is_separated_once(data, model, tmp_path, capsys):
    file = data / "test/speech/ann.wav"
    twice = [str(file), str(file.parent / "../speech/ann.wav")]
    capsys.readouterr()
    assert cli.main(["separate", str(model), *twice, "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.count("Wrote") == 2


def test_separate_says_what_it_replaces(data, model, tmp_path, capsys):
    line = ["separate", str(model), str(data / "test/speech/ann.wav"), "--output", str(tmp_path)]
    assert cli.main(line) == 0
    capsys.readouterr()
    assert cli.main(line) == 0
    assert capsys.readouterr().out.count("Replaced") == 2


def test_separate_never_destroys_a_recording(data, model, tmp_path, capsys):
    folder = data / "test/speech"
    write_audio(folder / "ann_speech.wav", clip(5), RATE)
    before = tree(folder)
    line = ["separate", str(model), str(folder / "ann.wav"), str(folder / "ann_speech.wav")]
    assert cli.main([*line, "--output", str(folder)]) == 1
    one_sentence(capsys, "ann_speech.wav")
    other = [str(data / part / "speech/ann.wav") for part in ("train", "test")]
    assert cli.main(["separate", str(model), *other, "--output", str(tmp_path / "out")]) == 1
    one_sentence(capsys, "train", "test", "ann.wav")
    assert tree(folder) == before


@pytest.mark.parametrize("length", [0, 100, -100])
def test_a_truncated_model(data, model, capsys, length):
    model.write_bytes(model.read_bytes()[:length])
    assert cli.main(["separate", str(model), str(data / "test/speech/ann.wav")]) == 1
    one_sentence(capsys, "model.npz")


def test_a_missing_model(tmp_path, capsys):
    assert cli.main(["separate", str(tmp_path / "gone.npz"), "a.wav"]) == 1
    one_sentence(capsys, "gone.npz")


# nmflab data


def test_data_says_what_is_there(data, capsys):
    assert cli.main(["data", "--data", str(data)]) == 0
    out = capsys.readouterr().out
    assert "speech" in out
    assert "noise" in out
    assert "…" not in out


def test_data_fetch_without_a_name_says_what_there_is(capsys):
    from nmflab.corpus.public import PUBLIC_CORPORA

    assert cli.main(["data", "fetch"]) == 0
    out = capsys.readouterr().out
    assert [name for name in PUBLIC_CORPORA if name not in out] == []


def test_data_fetch_of_an_unknown_corpus(capsys):
    assert cli.main(["data", "fetch", "nonsense"]) == 1
    one_sentence(capsys, "nonsense")
