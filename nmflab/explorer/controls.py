"""The widgets of an explorer, one for each setting, and the state that they add up to.

A control is called like its setting: ``controls.penalty.value = 0.1``. Setting several of them at
once, as a preset does, is one change. There is no computation in here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import traitlets

from nmflab.core.variants import VARIANTS
from nmflab.errors import NmflabError
from nmflab.explorer.engine.scheduling import driven_by_browser, hear_browser
from nmflab.explorer.engine.state import Recording, State
from nmflab.explorer.presets import PRESETS, QUICK
from nmflab.settings import UPDATES

OWN_SETTINGS = "(own settings)"
OWN_RECORDING = "own: "
BASES = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
WINDOWS = (128, 256, 512, 1024, 2048)
SHAPES = ("hamming", "hann", "blackman", "boxcar", "bartlett", "cosine")
HOPS = (32, 64, 128, 256, 512, 1024)
FFTS = (128, 256, 512, 1024, 2048, 4096)
MODES = {"NMF": "NMF: no prior", "NMF_g": "NMF_g: gamma prior", "NMF_e": "NMF_e: exponential prior"}
RULES = {"mm": "mm: never rises", "mu": "mu: the paper's"}

DECADE = (
    *(1, 1.12, 1.25, 1.4, 1.6, 1.8, 2, 2.24, 2.5, 2.8),
    *(3.15, 3.55, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9),
)
PENALTIES = (*(float(f"{m}e{k}") for k in range(-4, 1) for m in DECADE), 10.0)
"""The preferred numbers of the series R20: a logarithmic scale on which 0.005 is 0.005."""

TOOLTIPS = {
    "nmf_mode": "Which prior the activations are held to.",
    "update": "How the activations are updated; the two differ for the gamma prior only.",
    "penalty": "How strongly the prior pulls; too little leaves noise, too much eats the speech.",
    "num_basis_speech": "How many spectra the speech dictionary may learn; a new count trains it.",
    "num_basis_noise": "How many spectra the noise dictionary may learn; a new count trains it.",
    "p": "Power of the Wiener gain: 1 is a soft ratio, 2 the Wiener filter, 10 almost a switch.",
    "snr": "How loud the speech is against the noise in the mixture, in dB.",
    "max_iter_test": "How often the activations of the mixture are updated.",
    "win_size": "Window length in samples, a quarter of it apart; long ones resolve a voice.",
    "window": "The shape that each frame is multiplied with.",
    "hop": "Samples from one frame to the next; more than half a window leaves gaps.",
    "fft": "FFT size in samples, at least the window; more only interpolates.",
    "seed": "Where the random start of training begins; another seed trains anew.",
    "noise": "Which noise is mixed in, and which one the noise dictionary has learnt.",
    "clip": "Which sentence is mixed with the noise, or an own recording.",
    "preset": "Set all controls at once; some presets show how it fails.",
}
"""One sentence for each control: what it does."""

WIDE = {"width": "auto"}


class PenaltySlider(widgets.HBox):  # type: ignore[misc]
    """A logarithmic slider that can also be off, which is 0.

    It chooses among `PENALTIES`, and any other value that it was given: what a browser sends is a
    place in a list, which no rounding can change.

    Parameters
    ----------
    value : float
        λ; 0 is off.
    **options
        Passed on to the slider.
    """

    value = traitlets.Float(0.0)

    def __init__(self, value: float = 0.0, **options: Any) -> None:
        self.slider = widgets.SelectionSlider(
            options=[(f"{x:g}", x) for x in PENALTIES], value=PENALTIES[0], **options
        )
        self.off = widgets.Checkbox(
            value=value == 0,
            description="off",
            tooltip="Switch the prior off (λ = 0): plain NMF.",
            indent=False,
            layout={"width": "52px", "flex": "0 0 auto", "margin": "2px 0"},
        )
        self.slider.layout.flex = "1 1 0"
        super().__init__([self.slider, self.off])
        self._spreading = False
        for part in (self.slider, self.off):
            hear_browser(part)
            part.observe(self._gather, "value")
        self.value = value

    @traitlets.validate("value")
    def _in_range(self, proposal: dict[str, Any]) -> float:
        value = float(proposal["value"])
        return 0.0 if value <= 0 else min(max(value, PENALTIES[0]), PENALTIES[-1])

    @traitlets.observe("value")
    def _spread(self, change: dict[str, Any]) -> None:
        """Let the two parts show the value."""
        value = change["new"]
        self._spreading = True
        try:
            self.slider.disabled = self.off.value = value == 0
            if value != 0:
                offered = {x for _, x in self.slider.options}
                if value not in offered:
                    self.slider.options = [(f"{x:g}", x) for x in sorted({*offered, value})]
                self.slider.value = value
        finally:
            self._spreading = False

    def _gather(self, _: object) -> None:
        """Take the value from the parts."""
        if not self._spreading:
            self.value = 0.0 if self.off.value else self.slider.value


class SteppedSlider(widgets.FloatSlider):  # type: ignore[misc]
    """A slider that takes a value between two of its steps, and keeps it.

    A browser puts the handle on the nearest step as soon as it shows the slider, and sends that
    back as if somebody had moved it.

    Parameters
    ----------
    value : float, optional
        The value.
    **kwargs
        Passed on to `ipywidgets.FloatSlider`.
    """

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what a browser sends, but for the value that it had and has only rounded.

        Parameters
        ----------
        sync_data : dict
            Names and values.
        """
        if self._is_rounded(sync_data.get("value", math.inf)):
            sync_data = {name: x for name, x in sync_data.items() if name != "value"}
        super().set_state(sync_data)

    def _is_rounded(self, sent: float) -> bool:
        """Say whether this is the step nearest to the value, or one of two equally near."""
        steps = (self.value - self.min) / self.step
        nearest = {math.floor(steps + 0.5 + tiny) for tiny in (-1e-9, 1e-9)}
        return any(abs((sent - self.min) / self.step - step) < 1e-6 for step in nearest)


class Controls:
    """All controls of an explorer.

    Parameters
    ----------
    state : State
        What they show first.
    on_change : callable
        Called as ``on_change(state)`` after every change, once for several at a time.
    on_error : callable
        Called as ``on_error(error)`` for a combination of values that can't be.
    names : sequence of str
        Which controls there are.
    clips, noises : sequence of str
        What the menus offer.
    words : mapping of str to (str, str), optional
        Label and tooltip of those controls that mean something else here than in `LABELS`.

    Attributes
    ----------
    preset : ipywidgets.Dropdown
        Sets all others with one change.
    """

    penalty: PenaltySlider

    def __init__(
        self,
        state: State,
        on_change: Callable[[State], None],
        on_error: Callable[[Exception], None],
        *,
        names: Sequence[str],
        clips: Sequence[str],
        noises: Sequence[str],
        words: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._on_change, self._on_error, self._silent = on_change, on_error, False
        self._state, self._default = state, state
        self._recordings: dict[str, Recording] = {}
        self.widgets: dict[str, Any] = {}
        for name in names:
            label, tooltip = (words or {}).get(name, (LABELS[name], TOOLTIPS[name]))
            control = _make(name, state, clips, noises, _described(label, tooltip))
            self.widgets[name] = control
            setattr(self, name, control)
            hear_browser(control)
            control.observe(self._changed, "value")
        self.preset = widgets.Dropdown(
            options=[OWN_SETTINGS, *PRESETS], **_described("preset", TOOLTIPS["preset"])
        )
        hear_browser(self.preset)
        self.preset.observe(self._preset_chosen, "value")
        self._show_preset()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"There is no control called {name!r}; there are: {', '.join(self.widgets)}, preset."
        )

    def __iter__(self) -> Iterator[Any]:
        return iter(self.widgets.values())

    @property
    def state(self) -> State:
        """The state that the controls add up to."""
        return self._state

    def show(self, state: State) -> None:
        """Let all controls show a state, without telling anybody.

        Parameters
        ----------
        state : State
            The state.
        """
        with self._silence():
            for name, control in self.widgets.items():
                value = self._menu_value(name, state)
                _offer(control, value)
                control.value = value
        self._state = state
        self._show_preset()

    def set(self, state: State) -> None:
        """Let all controls show a state, and tell of it once.

        Parameters
        ----------
        state : State
            The state.
        """
        self.show(state)
        self._on_change(state)

    def reset(self) -> None:
        """Go back to what the controls showed first."""
        self.set(self._default)

    def add_recording(self, recording: Recording) -> None:
        """Offer an own recording in the menu of clips, and choose it.

        Parameters
        ----------
        recording : Recording
            The recording.
        """
        label = f"{OWN_RECORDING}{recording.name}"
        self._recordings[label] = recording
        clips = [*dict.fromkeys([*self.widgets["clip"].options, label])]
        with self._silence():
            chosen = self.widgets["clip"].value
            self.widgets["clip"].options = clips
            self.widgets["clip"].value = chosen
        self.set(self._state.replace(recording=recording))

    def _changed(self, change: dict[str, Any]) -> None:
        if self._silent:
            return
        name = next(n for n, control in self.widgets.items() if control is change["owner"])
        value = change["new"]
        if driven_by_browser() and isinstance(value, float):
            value = _tidy(value)
        try:
            state = self._with(name, value)
        except NmflabError as error:
            self._on_error(error)
            if not driven_by_browser():
                raise
            return
        if state != self._state:
            self._state = state
            if name == "win_size":  # hop and FFT size go with it
                self.show(state)
            self._show_preset()
            self._on_change(state)

    def _with(self, name: str, value: Any) -> State:
        """Give the state with one control's value in it."""
        if name == "clip" and value in self._recordings:
            return self._state.replace(recording=self._recordings[value])
        if name == "clip":
            return self._state.replace(clip=value, recording=None)
        if name == "win_size":
            fft = value if "fft" in self.widgets else max(512, value)
            return self._state.replace(win_size=value, overlap=value - value // 4, fft=fft)
        if name == "hop":
            return self._state.replace(overlap=self._state.settings.win_size - value)
        return self._state.replace(**{name: value})

    def _menu_value(self, name: str, state: State) -> Any:
        if name == "clip" and state.recording is not None:
            return f"{OWN_RECORDING}{state.recording.name}"
        return _value(name, state)

    def _preset_chosen(self, change: dict[str, Any]) -> None:
        if self._silent or change["new"] == OWN_SETTINGS:
            return
        wanted = PRESETS[change["new"]]
        kept = {name: getattr(self._state.settings, name) for name in ("snr", "sampling_rate")}
        self.set(self._state.replace(settings=wanted.replace(**kept)))

    def _show_preset(self) -> None:
        """Let the preset menu say which preset the controls are at."""
        settings = self._state.settings.replace(snr=QUICK.snr)  # a preset leaves the SNR alone
        shown = (name for name, preset in PRESETS.items() if preset == settings)
        with self._silence():
            self.preset.value = next(shown, OWN_SETTINGS)

    @contextmanager
    def _silence(self) -> Iterator[None]:
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before


def _tidy(value: float) -> float:
    """Take a browser's 0.30000000000000004 for what its slider stood at."""
    return float(f"{round(value, 9):.6g}")


LABELS = {
    "nmf_mode": "variant",
    "update": "update rule",
    "penalty": "penalty λ",
    "num_basis_speech": "speech K_S",
    "num_basis_noise": "noise K_N",
    "p": "power p",
    "snr": "SNR (dB)",
    "max_iter_test": "iterations",
    "win_size": "window size",
    "window": "window",
    "hop": "hop",
    "fft": "FFT size",
    "seed": "seed",
    "noise": "noise",
    "clip": "speech",
}
"""What stands beside each control."""


def _described(label: str, tooltip: str) -> dict[str, Any]:
    return {
        "description": label,
        "tooltip": tooltip,
        "description_allow_html": False,
        "style": {"description_width": "88px"},
        "layout": dict(WIDE),
    }


def _make(
    name: str,
    state: State,
    clips: Sequence[str],
    noises: Sequence[str],
    options: dict[str, Any],
) -> Any:
    """Make one control."""
    value = _value(name, state)
    match name:
        case "nmf_mode":
            modes = [(MODES[mode], mode) for mode in VARIANTS]
            return widgets.Dropdown(options=modes, value=value, **options)
        case "update":
            rules = [(RULES[rule], rule) for rule in UPDATES]
            return widgets.Dropdown(options=rules, value=value, **options)
        case "penalty":
            return PenaltySlider(value, **options)
        case "num_basis_speech" | "num_basis_noise":
            counts = sorted({*BASES, value})
            return widgets.SelectionSlider(options=counts, value=value, **options)
        case "win_size":
            sizes = sorted({*WINDOWS, value})
            return widgets.SelectionSlider(options=sizes, value=value, **options)
        case "hop" | "fft":
            sizes = sorted({*(HOPS if name == "hop" else FFTS), value})
            return widgets.SelectionSlider(options=sizes, value=value, **options)
        case "window":
            shapes = [*dict.fromkeys([*SHAPES, value])]
            return widgets.Dropdown(options=shapes, value=value, **options)
        case "p":
            return SteppedSlider(
                value, min=0.1, max=10.0, step=0.1, readout_format=".1f", **options
            )
        case "snr":
            return SteppedSlider(
                value, min=-10.0, max=20.0, step=1.0, readout_format=".0f", **options
            )
        case "max_iter_test":
            return widgets.IntSlider(value, min=1, max=100, **options)
        case "seed":
            return widgets.BoundedIntText(value, min=0, max=10**6, **options)
        case _:
            names = clips if name == "clip" else noises
            return widgets.Dropdown(options=list(names), value=value, **options)


def _value(name: str, state: State) -> Any:
    return state.settings.hop if name == "hop" else state.read(name)


def _offer(control: Any, value: Any) -> None:
    """Make sure that a control can show a value, whatever its menu or range was."""
    if isinstance(control, widgets.SelectionSlider) and value not in control.options:
        control.options = sorted({*control.options, value})
    elif isinstance(control, widgets.Dropdown) and isinstance(control.options[0], str):
        if value not in control.options:
            control.options = [*control.options, value]
    elif hasattr(control, "max") and hasattr(control, "min"):
        control.min, control.max = min(control.min, value), max(control.max, value)
