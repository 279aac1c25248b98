"""The widgets of an explorer, one for each setting, made from what the settings declare.

A control is called like its setting: ``controls.penalty.value = 0.1``. Setting several of them at
once, as a preset does, is one change. There is no computation in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import ipywidgets as widgets

from nmflab.errors import NmflabError
from nmflab.explorer.engine.scheduling import driven_by_browser, hear_browser
from nmflab.explorer.engine.state import Recording, State, Store
from nmflab.explorer.layout import muted
from nmflab.explorer.presets import PRESETS, QUICK
from nmflab.explorer.sliders import ExactSlider, OpenMenu, PenaltySlider, in_full
from nmflab.parameters import Control, Parameter, checked
from nmflab.priors.variants import VARIANTS
from nmflab.settings import Settings, parameters

OWN_SETTINGS = "(own settings)"
OWN_RECORDING = "own: "
LEARNT = "learnt from the recording"
MARKED = "learnt from what is marked"
TRAINED = "trained: "

MENUS = {
    "clip": Control(
        "speech", "Which sentence is mixed with the noise, or an own recording.", place=9
    ),
    "noise": Control(
        "noise", "Which noise is mixed in, and which one the noise dictionary has learnt.", place=9
    ),
}
"""The controls of what is no setting."""

CALLED = {"overlap": "hop"}
"""Settings whose control has another name: people think in hops."""

KEPT = ("snr", "sampling_rate")
"""Settings that a preset leaves alone."""

PRESET = Control("preset", "Set all controls at once; some presets show how it fails.")


def declared() -> dict[str, Parameter]:
    """Give those settings that have a control, by the name of it."""
    return {CALLED.get(name, name): p for name, p in parameters().items() if p.control}


def own_settings(settings: Settings) -> Settings:
    """Give those that learn the noise from the recording; what a preset leaves alone stays."""
    return preset_over(Settings.own(), settings)


def preset_over(preset: Settings, settings: Settings) -> Settings:
    """Lay a preset over settings."""
    return preset.replace(**{name: getattr(settings, name) for name in KEPT})


def placed() -> tuple[str, ...]:
    """Name the controls that have a place in the separation explorer, in their order."""
    settings = {name: p.control.place for name, p in declared().items() if p.control}
    places = {**settings, **{name: menu.place for name, menu in MENUS.items()}}
    return tuple(sorted((name for name in places if places[name]), key=lambda name: places[name]))


class Controls:
    """All controls of an explorer.

    Parameters
    ----------
    store : Store
        Where the state is that they show, and that they change.
    on_change : callable
        Called as ``on_change(whole)`` after every change, once for several at a time; `whole` is
        whether all controls were set together, as by a preset.
    on_error : callable
        Called as ``on_error(error)`` for a combination of values that can't be.
    names : sequence of str
        Which controls there are.
    clips, noises : sequence of str
        What the menus offer.
    words : mapping of str to (str, str), optional
        Label and tooltip of those controls that mean something else here than elsewhere.

    Attributes
    ----------
    preset : ipywidgets.Dropdown
        Sets all others with one change.
    """

    penalty: PenaltySlider

    def __init__(
        self,
        store: Store,
        on_change: Callable[[bool], None],
        on_error: Callable[[Exception], None],
        *,
        names: Sequence[str],
        clips: Sequence[str],
        noises: Sequence[str],
        words: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._store, self._on_change, self._on_error = store, on_change, on_error
        self._silent = False
        self._recordings: dict[str, Recording] = {}
        self._noises = tuple(noises)
        self.widgets: dict[str, Any] = {}
        self._others: list[tuple[Any, Callable[[Any], None], Any]] = []
        menus = {"clip": clips, "noise": noises}
        for name in names:
            parameter = declared().get(name)
            shown = (parameter.control if parameter else None) or MENUS[name]
            options = _described(*(words or {}).get(name, (shown.label, shown.tip)))
            value = _value(name, store.wanted)
            if parameter:
                control = _make(name, parameter, shown, value, options)
            else:
                control = widgets.Dropdown(options=list(menus[name]), value=value, **options)
            self.widgets[name] = control
            setattr(self, name, control)
            hear_browser(control)
            control.observe(self._changed, "value")
        self.preset = widgets.Dropdown(
            options=[OWN_SETTINGS, *PRESETS], **_described(PRESET.label, PRESET.tip)
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
        return self._store.wanted

    def show(self, state: State) -> None:
        """Let all controls show a state, without telling anybody."""
        with self._silence():
            for name, control in self.widgets.items():
                value = self._menu_value(name, state)
                if name == "noise":
                    self._offer_noises(state)
                elif name in MENUS and value not in control.options:
                    control.options = [*control.options, value]
                control.value = value
        self._store.wanted = state
        self._show_preset()

    def set(self, state: State, *, whole: bool = True) -> None:
        """Let all controls show a state, and tell of it once; `whole` as for `on_change`."""
        self.show(state)
        self._on_change(whole)

    def add(self, control: Any, observer: Callable[[Any], None]) -> None:
        """Take in a control that stands for no part of the state, such as the row to look at."""
        hear_browser(control)
        control.observe(observer, "value")
        self._others.append((control, observer, control.value))

    def reset(self) -> None:
        """Go back to what the controls showed first."""
        for control, observer, first in self._others:
            with muted(control, observer):
                control.value = first
        self.set(self._store.first)

    def add_recording(self, recording: Recording, settings: Settings) -> None:
        """Offer an own recording in the menu of clips, and choose it with some settings."""
        label = f"{OWN_RECORDING}{recording.name}"
        self._recordings[label] = recording
        clips = [*dict.fromkeys([*self.widgets["clip"].options, label])]
        with self._silence():
            chosen = self.widgets["clip"].value
            self.widgets["clip"].options = clips
            self.widgets["clip"].value = chosen
        self.set(self.state.replace(recording=recording, settings=settings, marks=()))

    def _changed(self, change: dict[str, Any]) -> None:
        if self._silent:
            return
        name = next(n for n, control in self.widgets.items() if control is change["owner"])
        try:
            state = self._with(name, change["new"])
        except NmflabError as error:
            self.show(self.state)  # what can't be isn't in force
            self._on_error(error)
            if not driven_by_browser():
                raise
            return
        if state != self.state:
            self._store.wanted = state
            if name == "win_size":  # hop and FFT size go with it
                self.show(state)
            self._show_preset()
            self._on_change(False)

    def _with(self, name: str, value: Any) -> State:
        """Give the state with one control's value in it."""
        if name == "clip" and value in self._recordings:
            return self.state.replace(recording=self._recordings[value], marks=())
        if name == "clip":
            return self.state.replace(clip=value, recording=None, marks=())
        if name == "noise" and self.state.recording is not None:
            return self._with_noise(value)
        if name == "win_size":
            fft = value if "fft" in self.widgets else max(512, value)
            return self.state.replace(win_size=value, overlap=value - value // 4, fft=fft)
        if name == "hop" and value > self.state.settings.win_size:
            raise NmflabError(
                f"A hop of {value} is longer than the window of {self.state.settings.win_size} "
                "samples: what lies between two windows would be in neither."
            )
        if name == "hop":
            return self.state.replace(overlap=self.state.settings.win_size - value)
        return _in_force(self.state.replace(**{name: value}))

    def _with_noise(self, value: str) -> State:
        """Give the state of an own recording whose noise is known in another way."""
        state, settings = self.state, self.state.settings
        if value == MARKED:
            return state
        if value == LEARNT:
            settings = settings if settings.num_basis_noise == 0 else own_settings(settings)
            return state.replace(settings=settings, marks=())
        if settings.num_basis_noise == 0:
            settings = preset_over(Settings.framewise(), settings)
        return _in_force(state.replace(settings=settings, noise=value))

    def _offer_noises(self, state: State) -> None:
        """Offer the noises to mix in or, for an own recording, the ways to know its noise."""
        own, control = state.recording is not None, self.widgets["noise"]
        offered: list[Any] = [*dict.fromkeys([*self._noises, state.noise])]
        if own:
            learnt = [LEARNT, MARKED] if state.marks else [LEARNT]
            trained = [(f"{TRAINED}{name}", name) for name in offered]
            offered = [*((way, way) for way in learnt), *trained]
        if tuple(offered) != tuple(control.options):
            control.options = offered

    def _menu_value(self, name: str, state: State) -> Any:
        if name == "clip" and state.recording is not None:
            return f"{OWN_RECORDING}{state.recording.name}"
        if name == "noise" and state.recording is not None and not state.settings.num_basis_noise:
            return MARKED if state.marks else LEARNT
        return _value(name, state)

    def _preset_chosen(self, change: dict[str, Any]) -> None:
        if self._silent:
            return
        if change["new"] == OWN_SETTINGS:  # that is nothing to set
            self._show_preset()
            return
        settings = preset_over(PRESETS[change["new"]], self.state.settings)
        self.set(_in_force(self.state.replace(settings=settings)))

    def _show_preset(self) -> None:
        """Let the preset menu say which preset the controls are at."""
        kept = {name: getattr(QUICK, name) for name in KEPT}
        settings = self.state.settings.replace(**kept)
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


def _described(label: str, tooltip: str) -> dict[str, Any]:
    return {
        "description": label,
        "tooltip": tooltip,
        "description_allow_html": False,
        "style": {"description_width": "88px"},
        "layout": {"width": "auto"},
    }


def _make(
    name: str, parameter: Parameter, control: Control, value: Any, options: dict[str, Any]
) -> Any:
    """Make the control of a setting, of the kind that its declaration asks for.

    Each takes every value that the setting may have, whatever it offers.
    """
    options["check"] = partial(_checked, name, parameter)
    if control.off:
        return PenaltySlider(value, steps=control.steps, **options)
    if control.even:
        low, high, step = control.even
        places = len(f"{step:g}".partition(".")[2])
        count = round((high - low) / step)
        steps = [parameter.kind(round(low + k * step, 9)) for k in range(count + 1)]
        return ExactSlider(value, steps=steps, text=partial(in_full, places=places), **options)
    if parameter.kind is str and not parameter.choices:
        return OpenMenu(value, steps=control.steps, **options)
    if control.steps:
        return ExactSlider(value, steps=control.steps, text=in_full, **options)
    del options["check"]
    if parameter.choices:
        labels = _variants() if name == "nmf_mode" else control.labels
        choices = [(labels.get(choice, choice), choice) for choice in parameter.choices]
        return widgets.Dropdown(options=choices, value=value, **options)
    low, high = map(int, parameter.within)
    return widgets.BoundedIntText(value, min=low, max=high, **options)


def _checked(name: str, parameter: Parameter, value: Any) -> Any:
    """Check a value as `Settings` does."""
    return checked(name, parameter, value)


def _variants() -> dict[str, str]:
    return {name: f"{name}: {variant.label}" for name, variant in VARIANTS.items()}


def _in_force(state: State) -> State:
    """Leave out marks that nothing learns from."""
    return state if state.settings.num_basis_free else state.replace(marks=())


def _value(name: str, state: State) -> Any:
    return state.settings.hop if name == "hop" else state.read(name)
