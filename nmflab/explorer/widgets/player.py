"""A player for several versions of one sound, switched in the browser without losing the place.

Conventions: sounds are 1-D float arrays at one sampling rate. They travel as PCM16, each with the
scale it was quantised by, so that a faint one loses nothing; what is heard is ONE gain for all,
with the loudest peak at `CEILING`: levels stay comparable, no version is normalised by itself.
What is 90 dB below full scale even at its loudest is what rounding leaves of silence, and stays
silent. Only sounds that changed are sent. The player never starts by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from nmflab.errors import NmflabError
from nmflab.explorer.widgets.modules import linked

HERE = Path(__file__).parent

CEILING = 0.89
"""Where the loudest peak of all versions is put: 1 dB below full scale."""

SILENCE = 10.0 ** (-90 / 20)
"""Peak below which nothing is left to hear: of all versions, or of one beside the loudest."""


class Player(anywidget.AnyWidget):
    """Play several versions of one sound: space, 1 to 9, arrows; progress bar, loop, volume.

    Parameters
    ----------
    labels : sequence of str
        Names of the versions, in the order of their buttons and keys; at most nine with `more`.
    more : sequence of str
        Further versions, which are seen only while they have a sound.
    pair : tuple of two str, optional
        Two versions between which a button and the key T switch, once both have a sound.
    group : str
        Canvases and players with one group are linked; "" links nothing (see `MatrixCanvas`).
    source : str, optional
        The version to begin with; default the first.
    **options : object
        What every ipywidget takes, `layout` for instance.

    Examples
    --------
    >>> player = Player(labels=("noisy", "enhanced"))
    >>> player.load({"noisy": np.ones(16000), "enhanced": np.zeros(16000)}, 16000)
    >>> player
    Player('noisy', 'enhanced', 1.00 s)
    >>> player.source = "enhanced"
    """

    _esm = linked(HERE / "player.js")
    _css = (HERE / "style.css").read_text("utf-8")

    group = traitlets.Unicode("").tag(sync=True)
    source = traitlets.Unicode("").tag(sync=True)
    _starts = traitlets.Int(0).tag(sync=True)  # how often `play` was called

    _shy = traitlets.Int(9).tag(sync=True)  # from which version on they are seen with sound alone
    _pair = traitlets.List(traitlets.Int()).tag(sync=True)

    # One binary traitlet a version, `_sound_0`, …, added below: an update carries only what
    # changed, and a view that opens later still finds all of them.
    _labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _meta: traitlets.Dict[str, Any] = traitlets.Dict({"seq": 0, "rate": 16000.0, "scales": []}).tag(
        sync=True
    )

    def __init__(
        self,
        *,
        labels: Sequence[str] = ("noisy", "enhanced", "noise removed", "clean"),
        more: Sequence[str] = (),
        pair: tuple[str, str] | None = None,
        group: str = "",
        source: str | None = None,
        **options: Any,
    ) -> None:
        shy, labels = len(labels), _different([*labels, *more])
        sounds = {f"_sound_{i}": traitlets.Bytes(b"").tag(sync=True) for i in range(len(labels))}
        self.add_traits(**sounds)
        first = labels[0] if source is None else source
        places = [labels.index(label) for label in pair or ()]
        own: dict[str, Any] = {"_labels": labels, "_shy": shy, "_pair": places}
        super().__init__(**own, group=group, source=first, **options)

    def __repr__(self) -> str:
        names = ", ".join(map(repr, self._labels))
        return f"Player({names}, {self.duration:.2f} s)"

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the versions."""
        return tuple(self._labels)

    @property
    def duration(self) -> float:
        """Length of the longest version in seconds."""
        longest = max(len(getattr(self, f"_sound_{i}")) for i in range(len(self._labels)))
        return longest / 2 / float(self._meta["rate"])

    @property
    def seq(self) -> int:
        """How many updates were sent: ``data-seq`` in the browser once the last is playable."""
        return int(self._meta["seq"])

    def load(self, sounds: Mapping[str, ArrayLike], sampling_rate: float) -> None:
        """Take new sounds. What plays goes on playing at the same place.

        Where the version that was chosen is left out, the first that is there is chosen.

        Parameters
        ----------
        sounds : mapping of str to array_like, shape (N,)
            Versions by label. A label left out becomes silent and its button is disabled.
        sampling_rate : float
            In Hz, from 3000 to 192000.

        Raises
        ------
        NmflabError
            If a label is unknown, a sound isn't 1-D and finite, or the rate isn't possible.
        """
        if unknown := set(sounds) - set(self._labels):
            raise NmflabError(f"{sorted(unknown)} are not among the labels {self._labels}.")
        if not 3000 <= sampling_rate <= 192000:
            raise NmflabError(f"sampling_rate must be 3000 to 192000 Hz, not {sampling_rate}.")
        arrays = [_checked(sounds.get(label, ()), label) for label in self._labels]
        peaks = [float(np.max(np.abs(x), initial=0.0)) for x in arrays]
        loudest = max(peaks)
        least = SILENCE * (loudest if loudest >= SILENCE else 1.0)
        peaks = [peak if peak >= least else 0.0 for peak in peaks]
        gain = CEILING / (max(peaks) or 1.0)
        pcm = [_pcm16(x, peak) for x, peak in zip(arrays, peaks, strict=True)]
        meta = {"rate": float(sampling_rate), "scales": [gain * peak for peak in peaks]}
        with self.hold_sync():
            self._update(pcm, meta)
            if sounds and self.source not in sounds:
                self.source = next(label for label in self._labels if label in sounds)

    def rename(self, names: Mapping[str, str]) -> None:
        """Call versions by other names; which one is chosen stays.

        Parameters
        ----------
        names : mapping of str to str
            The new names by the old ones.

        Raises
        ------
        NmflabError
            If two versions would have one name.
        """
        labels = _different([names.get(label, label) for label in self._labels])
        with self.hold_sync():
            source = names.get(self.source, self.source)
            self._labels = labels
            self.source = source

    def play(self) -> None:
        """Play in the browser, once the sounds that were loaded are there; for a click on them."""
        self._starts += 1

    def _update(self, pcm: Sequence[bytes], meta: dict[str, Any]) -> None:
        """Send the sounds that changed, with what belongs to them, in one message."""
        old = [getattr(self, f"_sound_{i}") for i in range(len(pcm))]
        if list(pcm) == old and {**meta, "seq": self.seq} == self._meta:
            return
        with self.hold_sync():
            for i, sound in enumerate(pcm):
                if sound != old[i]:
                    setattr(self, f"_sound_{i}", sound)
            self._meta = {"seq": self.seq + 1, **meta}

    @traitlets.validate("source")
    def _known_source(self, proposal: dict[str, Any]) -> str:
        value = str(proposal["value"])
        if self._labels and value not in self._labels:
            raise NmflabError(f"source must be one of {self._labels}, not {value!r}.")
        return value


def _different(labels: Sequence[str]) -> list[str]:
    if not 1 <= len(set(labels)) == len(labels) <= 9:
        raise NmflabError(f"A player has one to nine different labels, not {list(labels)}.")
    return list(labels)


def _checked(sound: ArrayLike, label: str) -> NDArray[np.float32]:
    """Return the sound as float32, or say what is wrong with it."""
    array = np.asarray(sound, dtype=np.float32)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise NmflabError(
            f"The sound {label!r} must be 1-D and finite; its shape is {array.shape}."
        )
    return array


def _pcm16(sound: NDArray[np.float32], peak: float) -> bytes:
    """Quantise to 16 bits, little-endian, the peak at full scale; a peak of 0 is silence."""
    scaled = np.rint(sound * np.float32(32767.0 / peak if peak else 0.0))
    return bytes(np.clip(scaled, -32767, 32767).astype("<i2").tobytes())
