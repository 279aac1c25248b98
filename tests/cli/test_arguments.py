"""The command line: every option, the exit codes, the help, the streams."""

import dataclasses
import os
import subprocess
import sys

import pytest
from support.commands import FAST

import nmflab
import nmflab.evaluation.sweep
from nmflab.cli import main as cli
from nmflab.settings import Settings
from nmflab.system.threads import num_workers

COMMANDS = [["enhance"], ["train"], ["separate"], ["data"]]

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
    ("num_basis_free", ["--num_basis_free"], 0, 2),
    ("context", ["--context"], 1, 3),
    ("epsilon", ["-e", "--epsilon"], 0.5, 0.25),
    ("penalty", ["--penalty"], 0.005, 0.5),
    ("p", ["--p"], 2.0, 1.5),
    ("keep", ["--keep"], 100.0, 20.0),
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
    ("jobs", ["--jobs"], num_workers(), 2),
    ("noise_dictionary", ["--noise_dictionary"], "each", "joint"),
    ("preset", ["--preset"], "original", "tuned"),
]


def spellings(rows):
    """List (name, spelling, value) with each long spelling also in dashes."""
    for name, options, _, value in rows:
        for option in dict.fromkeys([*options, *(o.replace("_", "-") for o in options[-1:])]):
            yield pytest.param(name, option, value, id=option)


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
@pytest.mark.slow
def test_shut_streams_are_no_error(data, tmp_path):
    line = ["enhance", "--data", data, "--output", tmp_path / "output", "-v", 0, *FAST]
    run = run_module(*line, stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2))
    assert run.returncode == 0
    assert b"4 mixtures" in run.stdout
    run = run_module("data", "fetch", "nonsense", preexec_fn=lambda: os.closerange(1, 3))
    assert run.returncode == 2


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
