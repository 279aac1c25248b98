"""Every parameter of an experiment, declared once, in one frozen and validated dataclass.

A field of `Settings` says all that anybody has to know of a parameter: its default, unit and
range, what it means, which stages of the work read it, how it is spelt on the command line and
how an explorer lets it be moved. The options and their help, the README's table, the sliders,
what the chain of an explorer and a sweep compute anew, and what `nmflab.separate` may override
are all made from these declarations. The names and the defaults are those of the public script
that its users know.
"""

from __future__ import annotations

from dataclasses import dataclass

from nmflab.errors import NmflabError
from nmflab.parameters import Control, Declared, Parameter, described, preferred_numbers, setting
from nmflab.priors.variants import VARIANTS

__all__ = ["PRESETS", "Settings", "parameters", "settings_of"]

SOURCES = ("speech", "noise")
"""The stages that train a dictionary, one for each source."""
ANALYSIS = ("spectrogram", *SOURCES)
ENCODING = ("mixture", "activations", "gain")
"""The stages that a trained model leaves open: `nmflab.separate` may override what they read."""
UPDATES = ("mm", "mu")
PENALTY_SCALES = ("relative", "raw")
SOLVERS = ("plain", "accelerated")

BASES = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
SHAPES = ("hamming", "hann", "blackman", "boxcar", "bartlett", "cosine")
PENALTIES = (*preferred_numbers(-4, 1), 10.0)


@dataclass(frozen=True, kw_only=True)
class Settings(Declared):
    """Every parameter of training, encoding and reconstruction.

    ``Settings()`` holds the defaults of the original script; `Settings.tuned` the best values
    found on the training and validation data of the embedded corpus. The relative λ and ε count
    in the mean activation of the recording, so that no level changes the result.

    Parameters
    ----------
    {parameters}

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

    nmf_mode: str = setting(
        "NMF_e",
        "variant: "
        + ", ".join(
            f"{v.name} {f'with {v.label}s' if v.fit else 'plain'}" for v in VARIANTS.values()
        ),
        ("activations",),
        choices=VARIANTS.keys(),
        control=Control("variant", "Which prior the activations are held to.", place=1),
    )
    sampling_rate: int = setting(
        16000,
        "sampling rate; audio at other rates is resampled",
        ANALYSIS,
        unit="Hz",
        within=(1000, 384000),
        short="-sr",
    )
    fft: int = setting(
        512,
        "FFT size",
        ANALYSIS,
        unit="samples",
        within=(2, 2**20),
        control=Control(
            "FFT size",
            "FFT size in samples, at least the window; more only interpolates.",
            steps=(128, 256, 512, 1024, 2048, 4096),
        ),
    )
    window: str = setting(
        "hamming",
        "window, by its scipy name",
        ANALYSIS,
        control=Control("window", "The shape that each frame is multiplied with.", steps=SHAPES),
    )
    win_size: int = setting(
        256,
        "window length",
        ANALYSIS,
        unit="samples",
        within=(2, 2**20),
        control=Control(
            "window size",
            "Window length in samples, a quarter of it apart; long ones resolve a voice.",
            place=9,
            steps=(128, 256, 512, 1024, 2048),
        ),
    )
    overlap: int = setting(
        192,
        "overlap of windows",
        ANALYSIS,
        unit="samples",
        within=(0, 2**20),
        control=Control(
            "hop",
            "Samples from one frame to the next; more than half a window leaves gaps.",
            steps=(32, 64, 128, 256, 512, 1024),
        ),
    )
    max_iter_train: int = setting(
        100, "iterations in training", SOURCES, within=(1, 100000), ratio=True, short="-i_train"
    )
    max_iter_test: int = setting(
        30,
        "iterations in encoding a mixture",
        ("activations",),
        within=(1, 100000),
        ratio=True,
        short="-i_test",
        control=Control(
            "iterations",
            "How often the activations of the mixture are updated.",
            place=3,
            even=(1, 100, 1),
        ),
    )
    num_basis_speech: int = setting(
        128,
        "speech bases, K_S",
        ("speech",),
        within=(1, 65536),
        ratio=True,
        short="-b_speech",
        control=Control(
            "speech K_S",
            "How many spectra the speech dictionary may learn; a new count trains it.",
            place=7,
            steps=BASES,
        ),
    )
    num_basis_noise: int = setting(
        128,
        "noise bases, K_N",
        ("noise",),
        within=(0, 65536),
        ratio=True,
        short="-b_noise",
        control=Control(
            "noise K_N",
            "How many spectra the noise dictionary may learn; a new count trains it.",
            place=8,
            steps=BASES,
        ),
    )
    num_basis_free: int = setting(
        0,
        "free noise bases, K_f, learnt on the mixture",
        ("activations",),
        within=(0, 64),
        control=Control(
            "free K_f",
            "How many noise bases are learnt on the mixture itself; many begin to spell speech.",
            place=11,
            steps=(0, 1, 2, 3, 4, 5, 6, 8, 12, 16),
        ),
    )
    context: int = setting(
        1,
        "frames seen together; a basis is a piece of so many frames",
        SOURCES,
        within=(1, 32),
        control=Control(
            "context",
            "How many frames are seen together; a basis is a piece of sound that long.",
            place=12,
            steps=(1, 2, 3, 4, 5, 7, 9),
        ),
    )
    epsilon: float = setting(
        0.5,
        "stop when the divergence falls below it",
        (*SOURCES, "activations"),
        within=(0.0, 1e300),
        short="-e",
    )
    penalty: float = setting(
        0.005,
        "penalty rate λ of the prior",
        ("activations",),
        within=(0.0, 1e6),
        ratio=True,
        control=Control(
            "penalty λ",
            "How strongly the prior pulls; too little leaves noise, too much eats the speech.",
            place=4,
            steps=PENALTIES,
            off=True,
        ),
    )
    p: float = setting(
        2.0,
        "power of the Wiener gain; any real number above 0",
        ("gain",),
        within=(0.0, 100.0),
        ratio=True,
        open_below=True,
        control=Control(
            "power p",
            "Power of the Wiener gain: 1 is a soft ratio, 2 the Wiener filter, 10 almost a switch.",
            place=5,
            even=(0.1, 10.0, 0.1),
        ),
    )
    keep: float = setting(
        100.0,
        "most that the noise is pushed down; 100: all of it goes",
        ("gain",),
        unit="dB",
        within=(0.0, 100.0),
        control=Control(
            "keep (dB)",
            "How far the noise is pushed down at most, in dB; 100 removes it.",
            place=13,
            steps=(0, 3, 6, 9, 12, 15, 18, 21, 24, 30, 40, 60, 100),
        ),
    )
    snr: float = setting(
        0.0,
        "signal-to-noise ratio of the mixtures",
        ("mixture",),
        unit="dB",
        within=(-100.0, 100.0),
        control=Control(
            "SNR (dB)",
            "How loud the speech is against the noise in the mixture, in dB.",
            place=6,
            even=(-10.0, 20.0, 1.0),
        ),
    )
    seed: int = setting(
        0,
        "seed of the random start",
        SOURCES,
        within=(0, 2**63 - 1),
        control=Control(
            "seed", "Where the random start of training begins; another seed trains anew.", place=10
        ),
    )
    update: str = setting(
        "mm",
        "encoding rule: mm majorise-minimise, mu multiplicative as in the paper",
        ("activations",),
        choices=UPDATES,
        control=Control(
            "update rule",
            "How the activations are updated; the two differ for the gamma prior only.",
            place=2,
            labels={"mm": "mm: never rises", "mu": "mu: the paper's"},
        ),
    )
    penalty_scale: str = setting(
        "relative",
        "relative: λ is free of the level; raw: as the paper writes it",
        (*SOURCES, "activations"),
        choices=PENALTY_SCALES,
    )
    activation_floor: float = setting(
        0.1,
        "floor of H in the gamma fit, relative to its row's mean",
        ("activations",),
        within=(0.0, 10.0),
        open_below=True,
    )
    solver: str = setting(
        "plain",
        "plain: the paper's updates; accelerated: longer steps, fewer of them",
        (*SOURCES, "activations"),
        choices=SOLVERS,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
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
        if self.num_basis_noise + self.num_basis_free == 0:
            raise NmflabError(
                "num_basis_noise is 0 and so is num_basis_free, but a noise needs a basis: train "
                "some, or let some be learnt on the mixture."
            )

    @property
    def hop(self) -> int:
        """Step from one frame to the next, in samples."""
        return self.win_size - self.overlap

    @property
    def num_bins(self) -> int:
        """Frequency bins F of a spectrogram."""
        return self.fft // 2 + 1

    @classmethod
    def framewise(cls) -> Settings:
        """Give the best settings found for the paper's method, which sees each frame by itself.

        A long window resolves a voice's harmonics, few noise bases leave the speech alone, and a
        large λ lets the prior do its work.

        Returns
        -------
        Settings
            The preset that most lessons begin with.
        """
        bases = {"num_basis_speech": 64, "num_basis_noise": 16}
        return cls(fft=1024, win_size=1024, overlap=768, penalty=0.1).replace(**bases)

    @classmethod
    def tuned(cls) -> Settings:
        """Give the best settings found so far for a noise that was trained.

        A basis is a piece of five frames, which tells a voice from a noise better than one does. A
        sweep chose them, see docs/sweeps.md.

        Returns
        -------
        Settings
            The preset of ``nmflab train``.
        """
        return cls.framewise().replace(context=5, penalty=0.08, p=1.4)

    @classmethod
    def own(cls) -> Settings:
        """Give the settings for a recording whose noise nobody has trained.

        Four noise bases are learnt on the recording itself, too few to spell speech; pieces of five
        frames tell a voice from a noise; the updates stop early; some noise is kept, at −25 dB.

        Returns
        -------
        Settings
            The preset of `nmflab.denoise`.
        """
        learnt = {"num_basis_noise": 0, "num_basis_free": 4, "max_iter_test": 50, "keep": 25.0}
        return cls.tuned().replace(num_basis_speech=96, penalty=0.12, p=1.0, **learnt)


def parameters() -> dict[str, Parameter]:
    """Give what is declared of every setting.

    Returns
    -------
    dict of str to Parameter
        By name, in the order of the definition.
    """
    return Settings._declared()


def settings_of(*stages: str) -> tuple[str, ...]:
    """Give the names of the settings that any of some stages reads.

    Parameters
    ----------
    *stages : str
        Names of stages, see `Parameter`.

    Returns
    -------
    tuple of str
        Names in the order of the definition.
    """
    return Settings._read_in(*stages)


Settings.__doc__ = (Settings.__doc__ or "").replace("{parameters}", described(Settings))

PRESETS = {
    "original": Settings(),
    "framewise": Settings.framewise(),
    "tuned": Settings.tuned(),
    "own": Settings.own(),
}
"""The original script's defaults, the paper's method at its best, the best found since for a noise
that was trained, and for one that never was."""
