"""What the status line says of a state: what is heard, and the settings in force."""

from __future__ import annotations

from nmflab.explorer.engine.state import State


def in_words(state: State, dictionary: str = "") -> str:
    """Put a state into words; `dictionary` names what the noise dictionary was trained on."""
    s, own = state.settings, state.recording
    trained = f", noise dictionary {dictionary}" if dictionary else ""
    if s.num_basis_noise == 0:
        trained = f", noise learnt from the {'recording' if own else 'mixture'}"
    K = " + ".join(f"{count} {what}".rstrip() for count, what in (
        (s.num_basis_speech, ""), (s.num_basis_noise, ""), (s.num_basis_free, "learnt")
    ) if count)  # fmt: skip
    context = f", context {s.context}" if s.context > 1 else ""
    source = f"{own.name}{own.cut}" if own else f"{state.clip} in {state.noise}"
    snr = "" if state.recording else f" at {s.snr:g} dB"
    return (
        f"{source}{snr}{trained}, {s.nmf_mode}, λ {s.penalty:.3g}, K {K}, p {s.p:.2f}, window "
        f"{s.win_size}{context}, {s.max_iter_test} iterations"
    )
