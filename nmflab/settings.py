"""Every parameter of an experiment, in one frozen and validated dataclass.

The names and the defaults are those of the command line (and of the public script that its
users know); each module takes from here what it needs, so that a slider, an option, a sweep and
a saved model can never mean two different things by one name.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from dataclasses import dataclass, field
from typing import Any

from nmflab.errors import NmflabError

__all__ = ["Settings"]

NMF_MODES = ("NMF", "NMF_g", "NMF_e")
"""Plain NMF, NMF with gamma priors, NMF with exponential priors."""

UPDATES = ("mm", "mu")
PENALTY_SCALES = ("relative", "raw")
SOLVERS = ("plain", "accelerated")


def _parameter(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare one field together with what it means and which values it allows."""
    return field(
        default=default,
        metadata={
            "meaning": meaning,
            "unit": unit,
            "low": low,
            "high": high,
            "above": above,
            "choices": choices,
        },
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every parameter of training, encoding and reconstruction.

    ``Settings()`` holds the defaults of the original script; `Settings.tuned` the best values
    found on the training and validation data of the embedded corpus.

    Parameters
    ----------
    nmf_mode : {"NMF_e", "NMF_g", "NMF"}
        The variant: an exponential prior on the activations, a gamma prior, or none.
    sampling_rate : int
        Sampling rate in Hz. Audio at another rate is resampled when it is read.
    fft : int
        FFT size in samples, at least `win_size`.
    window : str
        Name of any window that ``scipy.signal.get_window`` knows.
    win_size : int
        Window length in samples.
    overlap : int
        Overlap of neighbouring windows in samples; the hop is ``win_size - overlap``.
    max_iter_train, max_iter_test : int
        Iterations in training (W and H) and in encoding a mixture (H alone).
    num_basis_speech, num_basis_noise : int
        Number of basis vectors, K_S and K_N.
    epsilon : float
        Iterations stop once the divergence falls below this, counted in the units of
        `penalty_scale`; 0 never stops early.
    penalty : float
        Penalty rate λ of the prior; 0 is plain NMF.
    p : float
        Power of the Wiener gain, any real number above 0.
    snr : float
        Signal-to-noise ratio in dB at which test mixtures are made.
    seed : int
        Seed of the random start of training.
    update : {"mm", "mu"}
        Encoding rule: the majorise-minimise rule or the paper's multiplicative rule. They differ
        for the gamma prior only, and hardly there: on the embedded corpus (`NMF_g`, λ = 0.1) they
        gain 6.755 and 6.752 dB of SDR.
    penalty_scale : {"relative", "raw"}
        Whether λ and ε are free of the level and of K (V is taken at a mean activation of 1),
        or are applied as the paper writes them.
    activation_floor : float
        Activations below this fraction of their row's mean are raised to it before the gamma
        prior is fitted: the logarithm would otherwise be ruled by how small "nothing" is.
    solver : {"plain", "accelerated"}
        The paper's updates, or longer steps to the same objective in fewer iterations: H is
        extrapolated in encoding and W in training, where H takes longer steps by itself.

    Raises
    ------
    NmflabError
        If a value is of the wrong type or out of range; the message names the parameter.

    Examples
    --------
    >>> settings = Settings(penalty=0.1)
    >>> settings.hop, settings.replace(overlap=128).hop
    (64, 128)
    """

    nmf_mode: str = _parameter(
        "NMF_e",
        "variant: NMF plain, NMF_g with gamma priors, NMF_e with exponential priors",
        choices=NMF_MODES,
    )
    sampling_rate: int = _parameter(16000, "sampling rate", unit="Hz", low=1000, high=384000)
    fft: int = _parameter(512, "FFT size", unit="samples", low=2, high=2**20)
    window: str = _parameter("hamming", "window, by its scipy name")
    win_size: int = _parameter(256, "window length", unit="samples", low=2, high=2**20)
    overlap: int = _parameter(192, "overlap of windows", unit="samples", low=0, high=2**20)
    max_iter_train: int = _parameter(100, "iterations in training", low=1, high=100000)
    max_iter_test: int = _parameter(30, "iterations in encoding a mixture", low=1, high=100000)
    num_basis_speech: int = _parameter(128, "speech bases, K_S", low=1, high=65536)
    num_basis_noise: int = _parameter(128, "noise bases, K_N", low=1, high=65536)
    epsilon: float = _parameter(0.5, "stop when the divergence falls below it", low=0.0, high=1e300)
    penalty: float = _parameter(0.005, "penalty rate λ of the prior", low=0.0, high=1e6)
    p: float = _parameter(2.0, "power of the Wiener gain", above=0.0, high=100.0)
    snr: float = _parameter(0.0, "signal-to-noise ratio", unit="dB", low=-100.0, high=100.0)
    seed: int = _parameter(0, "seed of the random start", low=0, high=2**63 - 1)
    update: str = _parameter(
        "mm",
        "encoding rule: mm majorise-minimise, mu multiplicative as in the paper",
        choices=UPDATES,
    )
    penalty_scale: str = _parameter(
        "relative",
        "relative: λ is free of the level; raw: as the paper writes it",
        choices=PENALTY_SCALES,
    )
    activation_floor: float = _parameter(
        0.1, "floor of H in the gamma fit, relative to its row's mean", above=0.0, high=10.0
    )
    solver: str = _parameter(
        "plain", "plain: the paper's updates; accelerated: longer steps", choices=SOLVERS
    )

    def __post_init__(self) -> None:
        for parameter in dataclasses.fields(self):
            value = _checked(parameter, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)
        if self.fft < self.win_size:
            raise NmflabError(
                f"fft is {self.fft} but must be at least win_size ({self.win_size}): "
                "raise fft or shorten the window."
            )
        if self.overlap >= self.win_size:
            raise NmflabError(
                f"overlap is {self.overlap} but must be below win_size ({self.win_size}): "
                "the windows have to move on by one sample at least."
            )

    @property
    def hop(self) -> int:
        """Step from one frame to the next, in samples."""
        return self.win_size - self.overlap

    @property
    def num_bins(self) -> int:
        """Frequency bins F of a spectrogram."""
        return self.fft // 2 + 1

    def replace(self, **changes: Any) -> Settings:
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
        unknown = sorted(set(changes) - {f.name for f in dataclasses.fields(self)})
        if unknown:
            known = ", ".join(f.name for f in dataclasses.fields(self))
            raise NmflabError(f"There is no setting called {unknown[0]!r}; there are: {known}.")
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Give all parameters as a plain dictionary, ready for JSON.

        Returns
        -------
        dict
            Names and values, in the order of the definition.
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, parameters: dict[str, Any]) -> Settings:
        """Build settings from a dictionary, the inverse of `to_dict`.

        Parameters
        ----------
        parameters : dict
            Names and values; what is missing has its default.

        Returns
        -------
        Settings
            The validated settings.

        Raises
        ------
        NmflabError
            If a name is unknown or a value is out of range.
        """
        return cls().replace(**parameters)

    @classmethod
    def tuned(cls) -> Settings:
        """Give the best settings found so far.

        A window four times as long resolves the harmonics of a voice, fewer noise bases leave
        the speech alone, and a λ twenty times the original's lets the prior do its work.

        Returns
        -------
        Settings
            The preset that ``nmflab separate`` uses for a user's own recordings.
        """
        return cls(
            nmf_mode="NMF_e",
            fft=1024,
            win_size=1024,
            overlap=768,
            num_basis_speech=64,
            num_basis_noise=16,
            penalty=0.1,
        )


def _checked(parameter: dataclasses.Field[Any], value: Any) -> Any:
    """Return the value in its declared type, or say what is wrong with it."""
    name, rule = parameter.name, parameter.metadata
    if parameter.type == "str":
        return _checked_text(name, value, rule["choices"])
    number = _checked_number(name, value, whole=parameter.type == "int")
    low, high, above = rule["low"], rule["high"], rule["above"]
    too_low = (low is not None and number < low) or (above is not None and number <= above)
    if too_low or (high is not None and number > high):
        lower = f"above {above:g}" if above is not None else f"at least {_plain(low)}"
        upper = "" if high is None else f" and at most {_plain(high)}"
        raise NmflabError(
            f"{name} ({rule['meaning']}) is {value!r} but must be {lower}{upper}"
            f"{' ' + rule['unit'] if rule['unit'] else ''}."
        )
    return number


def _plain(limit: float) -> str:
    """Write a limit as one writes it in a command: 1048576 and 1e+300, not 1.04858e+06."""
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


def _checked_text(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or (choices and value not in choices):
        allowed = "one of " + ", ".join(choices) if choices else "a name"
        raise NmflabError(f"{name} is {value!r} but must be {allowed}.")
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
        raise NmflabError(f"{name} is {value!r} but must be {kind}.")
    return int(value) if whole else float(value)
