"""However a command ends, its children end, its port is free and its scratch goes."""

import os
import signal
import socket
import subprocess
import sys
import time
import weakref

import numpy as np
import pytest
from support.commands import tree

import nmflab as nl
from nmflab.audio.files import write_audio
from nmflab.cli.output import orderly_end

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals."),
]

SLOW = ["-b_speech", "4", "-b_noise", "4", "-i_train", "5", "-i_test", "2000", "-e", "0"]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "nmflab", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for(condition, run):
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)


def enhance(data, output, *options):
    return start("enhance", "--data", data, "--output", output, "-v", 0, *SLOW, *options)


@pytest.mark.parametrize(
    ("ending", "jobs"), [("SIGINT", 1), ("SIGINT", 2), ("SIGTERM", 2), ("SIGHUP", 1)]
)
def test_a_request_to_end_is_an_orderly_end_of_all_processes(data, tmp_path, ending, jobs):
    run = enhance(data, tmp_path / "out", "--jobs", jobs)
    wait_for(lambda: list(tmp_path.glob("out/enhanced_audio/*/*.wav")), run)
    if ending == "SIGINT":
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    else:
        run.send_signal(getattr(signal, ending))
    _, err = run.communicate(timeout=30)  # returns when the last process has ended
    assert run.returncode == 128 + getattr(signal, ending)
    word = "Interrupted" if ending == "SIGINT" else "Ended"
    assert err == f"{word}; no file is half-written.\n"
    there = tree(tmp_path / "out")
    assert not [name for name in there if ".part" in name]
    assert "scores.csv" not in there


class Thing:
    """What goes in the middle of an end."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("way", ["callback", "finaliser"])
def test_a_signal_that_comes_where_python_drops_what_is_raised_comes_again(number, way, capfd):
    def hit(*_):
        os.kill(os.getpid(), number)

    thing = Thing()
    Thing.__del__ = hit if way == "finaliser" else lambda _: None
    reference = weakref.ref(thing, hit if way == "callback" else None)
    hook, before = sys.unraisablehook, signal.signal(signal.SIGINT, signal.default_int_handler)
    begin = time.monotonic()

    def work():
        nonlocal thing
        with orderly_end():
            thing = None
            assert reference() is None, "it is gone, and the work goes on"
            time.sleep(20)

    try:
        with pytest.raises(KeyboardInterrupt) as end:
            work()
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 10
    assert getattr(end.value, "code", 130) == 128 + number
    assert sys.unraisablehook is hook
    assert capfd.readouterr().err == ""


def test_workers_end_with_a_parent_that_is_killed(data, tmp_path):
    run = enhance(data, tmp_path / "out", "--jobs", 2)
    wait_for(lambda: list(tmp_path.glob("out/enhanced_audio/*/*.wav")), run)
    run.kill()
    run.communicate(timeout=30)
    there = tree(tmp_path / "out")
    time.sleep(0.5)
    assert tree(tmp_path / "out") == there
    assert not [name for name in there if ".part" in name]


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.8])
def test_ctrl_c_while_workers_start_prints_no_traceback(data, tmp_path, delay):
    run = enhance(data, tmp_path / "out", "--jobs", 2)
    wait_for(lambda: (tmp_path / "out/merged_audio/merged_train_noise_audio.wav").exists(), run)
    time.sleep(delay)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert err == "Interrupted; no file is half-written.\n"


INTERRUPTED = """
import runpy, sys
from nmflab.cli import data
data.COMMAND.__dict__["run"] = lambda arguments: exec("raise KeyboardInterrupt")
sys.argv = ["nmflab", "data"]
runpy.run_module("nmflab", run_name="__main__")
"""


def test_ctrl_c_while_a_class_is_made_ends_with_its_code_too(tmp_path):
    """Where Python executes text it notes an interrupt, and ends by it although it is caught."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED, "utf-8")
    command = [sys.executable, "-m", "interrupted"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.stderr == "Interrupted; no file is half-written.\n"
    assert run.returncode == 130


@pytest.mark.parametrize(
    ("command", "ending"), [("lab", signal.SIGKILL), ("dashboard", signal.SIGTERM)]
)
def test_a_server_and_its_port_end_with_the_command(tmp_path, command, ending):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--folder", tmp_path / "notebooks"] if command == "lab" else []
    root = ["--allow-root"] if command == "lab" else []
    run = start(command, *options, "--", "--no-browser", f"--port={port}", *root)

    def answers():
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    os.set_blocking(run.stderr.fileno(), False)
    wait_for(answers, run)
    run.send_signal(ending)
    run.wait(timeout=30)
    assert not answers()
    os.killpg(run.pid, signal.SIGKILL) if alive(run.pid) else None


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


KILLED = """
import os, signal, sys
import nmflab as nl
from nmflab.recordings.long import separate_file
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
model = nl.load_model("model.npz")
separate_file(model, "in.wav", "out/speech.wav", "out/noise.wav", block=1.0, progress=kill)
"""


def test_scratch_goes_even_when_killed_and_empty_names_with_the_next_run(tmp_path, rng):
    noise = (0.1 * rng.standard_normal(4 * 16000)).astype(np.float32)
    settings = nl.Settings(num_basis_speech=2, num_basis_noise=2, max_iter_train=2, max_iter_test=2)
    nl.train_model([noise], [noise[::-1]], settings).save(tmp_path / "model.npz")
    write_audio(tmp_path / "in.wav", noise)
    run = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, capture_output=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert sum(map(len, tree(tmp_path / "out").values())) == 0
    write = "import nmflab as nl, numpy as np; nl.write_audio('out/a.wav', np.ones(9))"
    subprocess.run([sys.executable, "-c", write], cwd=tmp_path, check=True)
    assert list(tree(tmp_path / "out")) == ["a.wav"]
