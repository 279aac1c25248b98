"""Settings by name: what the preset menu offers."""

from __future__ import annotations

from nmflab.settings import Settings

QUICK = Settings(solver="accelerated", max_iter_train=26, max_iter_test=9)
"""The original script's settings with the accelerated solver: the same objectives, sooner."""

PRESETS: dict[str, Settings] = {
    "original, accelerated": QUICK,
    "original script": Settings(),
    "tuned, frame by frame": Settings.framewise(),
    "tuned, five frames at once": Settings.tuned(),
    "noise learnt from the recording": Settings.own(),
    "plain NMF: no prior": QUICK.replace(nmf_mode="NMF"),
    "gamma prior": QUICK.replace(nmf_mode="NMF_g", penalty=0.1),
    "fails: λ far too large": Settings.framewise().replace(penalty=3.0),
    "fails: too few bases": QUICK.replace(num_basis_speech=2, num_basis_noise=1),
    "fails: hard mask": Settings.framewise().replace(p=10.0),
    "fails: many bases, no prior": Settings.framewise().replace(
        nmf_mode="NMF", num_basis_speech=128, num_basis_noise=128
    ),
}
"""What the preset menu offers, by name."""
