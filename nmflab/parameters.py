"""What can be declared of a parameter, and the check of a value against it."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any, Self

from nmflab.checks import shown
from nmflab.errors import NmflabError

__all__ = [
    "Control",
    "Declared",
    "Parameter",
    "checked",
    "described",
    "preferred_numbers",
    "setting",
]


@dataclass(frozen=True)
class Control:
    """How an explorer lets a parameter be moved.

    Parameters
    ----------
    label : str
        What stands beside it.
    tip : str
        One sentence: what it does.
    place : int, default 0
        Its place among the controls of the separation explorer; 0 is for a control that only a
        lesson about it shows.
    steps : tuple, optional
        The values to choose from: the steps of a slider or, if they are words, a menu.
    even : tuple of float, optional
        Low end, high end and step of a slider.
    off : bool, default False
        Whether it can be switched off, which is the value 0.
    labels : dict, optional
        What a menu says in place of its values.
    """

    label: str
    tip: str
    place: int = 0
    steps: tuple[Any, ...] = ()
    even: tuple[float, float, float] | None = None
    off: bool = False
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parameter:
    """What is declared of one setting.

    Parameters
    ----------
    kind : type
        ``int``, ``float`` or ``str``.
    meaning : str
        What it is, in a few words.
    read_by : tuple of str
        The stages that read it: ``mixture``, ``spectrogram``, ``speech``, ``noise`` (training),
        ``activations`` and ``gain``.
    unit : str
        Its unit, empty for a bare number.
    within : tuple of float, optional
        The least and the greatest value of a number.
    open_below : bool
        Whether the least value is itself excluded.
    choices : collection of str
        The words to choose from; empty where any word or number will do.
    short : str
        A short spelling of the option.
    ratio : bool
        Whether ratios of its values count, not differences: it is drawn log-uniformly.
    control : Control, optional
        How an explorer lets it be moved; without one it can't be.
    """

    kind: type
    meaning: str
    read_by: tuple[str, ...]
    unit: str = ""
    within: tuple[float, float] = (-math.inf, math.inf)
    open_below: bool = False
    choices: Collection[str] = ()
    short: str = ""
    ratio: bool = False
    control: Control | None = None

    @property
    def in_words(self) -> str:
        """The meaning with its unit, which goes behind the first clause."""
        unit = f" in {self.unit}" if self.unit else ""
        return re.sub("(?=[,;]|$)", unit, self.meaning, count=1)


def setting(default: Any, meaning: str, read_by: tuple[str, ...], **declared: Any) -> Any:
    """Declare a field of a dataclass together with all that there is to know of it.

    Parameters
    ----------
    default : object
        Its default, whose type is the parameter's kind.
    meaning, read_by : str, tuple of str
        As in `Parameter`.
    **declared
        The rest of `Parameter`.

    Returns
    -------
    dataclasses.Field
        The field.
    """
    parameter = Parameter(type(default), meaning, read_by, **declared)
    return field(default=default, metadata={"parameter": parameter})


def preferred_numbers(low: int, high: int) -> list[float]:
    """Give the series R20, twenty steps a decade, on which 0.005 is 0.005.

    Parameters
    ----------
    low, high : int
        Exponents of the first decade, and of the one behind the last.

    Returns
    -------
    list of float
        From ``10**low`` on, below ``10**high``.
    """
    words = "1 1.12 1.25 1.4 1.6 1.8 2 2.24 2.5 2.8 3.15 3.55 4 4.5 5 5.6 6.3 7.1 8 9"
    return [float(f"{word}e{k}") for k in range(low, high) for word in words.split()]


def described(declared: Any) -> str:
    """Write the fields of a dataclass, declared by `setting`, as a section of its docstring.

    Parameters
    ----------
    declared : type
        The dataclass.

    Returns
    -------
    str
        Name, kind, default, meaning and unit of each field.
    """
    lines = []
    for declaration in fields(declared):
        parameter = declaration.metadata["parameter"]
        lines += [
            f"{declaration.name} : {parameter.kind.__name__}, default {declaration.default!r}"
        ]
        lines += [f"    {parameter.in_words[0].upper()}{parameter.in_words[1:]}."]
    return "\n    ".join(lines)


def checked(name: str, parameter: Parameter, value: Any) -> Any:
    """Give a value in its declared type, or say what is wrong with it.

    Parameters
    ----------
    name : str
        What the message calls the parameter.
    parameter : Parameter
        Its declaration.
    value : object
        The value.

    Returns
    -------
    object
        The value, as an ``int``, ``float`` or ``str``.

    Raises
    ------
    NmflabError
        If it is of another kind, out of range, or none of the choices.
    """
    if parameter.kind is str:
        return _checked_text(name, value, parameter.choices)
    number = _checked_number(name, value, whole=parameter.kind is int)
    low, high = parameter.within
    if not low <= number <= high or (parameter.open_below and number == low):
        least = f"above {low:g}" if parameter.open_below else f"at least {_plain(low)}"
        what = parameter.meaning.partition(";")[0]
        raise NmflabError(
            f"{name} ({what}) is {shown(value)} but must be {least} and at most "
            f"{_plain(high)}{' ' + parameter.unit if parameter.unit else ''}."
        )
    return number


def _plain(limit: float) -> str:
    """Write a limit as one writes it in a command: 1048576 and 1e+300, not 1.04858e+06."""
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


def _checked_text(name: str, value: Any, choices: Collection[str]) -> str:
    if not isinstance(value, str) or (choices and value not in choices):
        allowed = "one of " + ", ".join(choices) if choices else "a name"
        raise NmflabError(f"{name} is {shown(value)} but must be {allowed}.")
    return value


def _checked_number(name: str, value: Any, *, whole: bool) -> int | float:
    """Take any real number (numpy's included, truth values not) of the wanted kind, exactly."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        usable = is_number and math.isfinite(float(value)) and not (whole and value != int(value))
    except OverflowError:
        usable = False
    if not usable:
        kind = "a whole number" if whole else "a finite number"
        raise NmflabError(f"{name} is {shown(value)} but must be {kind}.")
    return int(value) if whole else float(value)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A dataclass whose fields are declared by `setting`: frozen, and checked when it is made."""

    def __post_init__(self) -> None:
        for name, parameter in self._declared().items():
            object.__setattr__(self, name, checked(name, parameter, getattr(self, name)))

    @classmethod
    @cache
    def _declared(cls) -> dict[str, Parameter]:
        """Give what is declared of every field, by name, in the order of the definition."""
        return {f.name: f.metadata["parameter"] for f in fields(cls)}

    @classmethod
    @cache
    def _read_in(cls, *stages: str) -> tuple[str, ...]:
        """Give the names of the fields that any of some stages reads, in their order."""
        declared = cls._declared().items()
        return tuple(name for name, parameter in declared if set(parameter.read_by) & set(stages))

    def replace(self, **changes: Any) -> Self:
        """Give a copy with some parameters changed.

        Parameters
        ----------
        **changes
            Parameters by name.

        Returns
        -------
        Settings
            The validated copy.

        Raises
        ------
        NmflabError
            If a name is unknown or a value is out of range.
        """
        unknown = sorted(set(changes) - set(self._declared()))
        if unknown:
            known = ", ".join(self._declared())
            raise NmflabError(f"There is no setting called {unknown[0]!r}; there are: {known}.")
        return replace(self, **changes)

    def read_by(self, *stages: str) -> tuple[Any, ...]:
        """Give the values of all settings that any of some stages reads.

        Parameters
        ----------
        *stages : str
            Names of stages, see `nmflab.settings.settings_of`.

        Returns
        -------
        tuple
            Equal for settings under which those stages compute the same.
        """
        if not all(isinstance(stage, str) for stage in stages):
            raise NmflabError("Stages must be given by their names.")
        return tuple(getattr(self, name) for name in self._read_in(*stages))

    def to_dict(self) -> dict[str, Any]:
        """Give all parameters as a plain dictionary, ready for JSON.

        Returns
        -------
        dict
            Names and values, in the order of the definition.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, parameters: dict[str, Any]) -> Self:
        """Build settings from a dictionary, the inverse of `to_dict`.

        Parameters
        ----------
        parameters : dict
            Names and values; what is missing has its default.

        Returns
        -------
        Settings
            The settings, checked as in `replace`.
        """
        if not (isinstance(parameters, dict) and all(isinstance(name, str) for name in parameters)):
            raise NmflabError("Settings must be a dictionary of their names and values.")
        return cls().replace(**parameters)
