"""What tests of commands share: quick options, sounds, and looks at what was written."""

import csv

import numpy as np

RATE = 16000
FAST = ["-b_speech", "4", "-b_noise", "4", "-i_train", "5", "-i_test", "3"]
SPEECH, NOISE = ("ann", "bob"), ("hiss", "hum")


def clip(seed, seconds=0.5):
    """Half a second of something with an envelope."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * (120 + 40 * seed) * k * t) / k for k in range(1, 6))
    return (0.1 * tone * (1 + np.sin(20 * t)) + 0.01 * rng.standard_normal(t.size)).astype("f4")


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
