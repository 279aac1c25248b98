"""What the status line says of a state: what is heard, and the settings in force."""

from __future__ import annotations

from nmflab.explorer.engine.state import State, Stretches


def in_words(state: State, noise: str = "") -> str:
    """Put a state into words; `noise` says from what the noise is known."""
    s, own = state.settings, state.recording
    known = f", noise {noise}" if noise else ""
    K = " + ".join(f"{count} {what}".rstrip() for count, what in (
        (s.num_basis_speech, ""), (s.num_basis_noise, ""), (s.num_basis_free, "learnt")
    ) if count)  # fmt: skip
    context = f", context {s.context}" if s.context > 1 else ""
    source = f"{own.name}{own.cut}" if own else f"{state.clip} in {state.noise}"
    snr = "" if state.recording else f" at {s.snr:g} dB"
    return (
        f"{source}{snr}{known}, {s.nmf_mode}, λ {s.penalty:.3g}, K {K}, p {s.p:.2f}, window "
        f"{s.win_size}{context}, {s.max_iter_test} iterations"
    )


def noise_in_words(state: State, trained: str) -> str:
    """Say from what the noise is known; `trained` names what its dictionary was trained on."""
    s = state.settings
    whole = "recording" if state.recording else "mixture"
    learnt = f"learnt from {f'{stretches(state.marks)} and ' if state.marks else ''}the {whole}"
    ways = [f"trained: {trained}"] * (s.num_basis_noise > 0) + [learnt] * (s.num_basis_free > 0)
    return ", and ".join(ways)


def stretches(marks: Stretches) -> str:
    """Write stretches of time.

    >>> print(stretches(((0.4, 1.1), (2.0, 2.5))))
    0.40–1.10 and 2.00–2.50 s
    """
    return " and ".join(f"{start:.2f}\u2013{stop:.2f}" for start, stop in marks) + " s"
