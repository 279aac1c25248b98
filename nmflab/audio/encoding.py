"""Samples as files have them: the numbers of PCM, WAV's header, and what libsndfile writes."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nmflab.errors import NmflabError
from nmflab.system.files import reason

BITS = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
"""Bits of a sample, for each subtype of whole numbers that is written."""

DEEPER = {
    "PCM_24": "PCM_24",
    "ALAC_20": "PCM_24",
    "ALAC_24": "PCM_24",
    "DWVW_24": "PCM_24",
    "PCM_32": "PCM_32",
    "ALAC_32": "PCM_32",
    "FLOAT": "FLOAT",
    "DOUBLE": "FLOAT",
}
"""Subtypes of more than 16 bits, and what keeps them; all others are kept by PCM_16."""

LEAST_BITS = 8
"""Bits that a signal's peak must fill, or it is written as float: the steps would be heard."""

LARGEST_WAV = 2**32 - 2**12
"""Bytes of samples that a WAV file has room for beside its header."""


def encode(
    file: IO[bytes],
    blocks: Iterable[NDArray[Any]],
    form: str,
    subtype: str,
    sampling_rate: int,
    channels: int = 1,
) -> None:
    """Write blocks of samples with libsndfile."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise NmflabError(
            f"{form} can't be written without the package soundfile, which is not installed: "
            "install it, or end the file's name in .wav."
        ) from error
    try:
        with soundfile.SoundFile(
            file, "w", sampling_rate, channels, format=form, subtype=subtype
        ) as encoder:
            for block in blocks:
                encoder.write(block)
    except soundfile.SoundFileError as error:
        form = form if channels == 1 else f"{form} of {channels} channels"
        raise NmflabError(
            f"{form} can't be written at {sampling_rate} Hz ({reason(error)}): "
            "end the file's name in .wav."
        ) from error


def kept(subtype: str, peak: float) -> str:
    """Say how a WAV file keeps samples that were stored as a subtype, and have a peak now."""
    subtype = DEEPER.get(subtype, "PCM_16")
    if subtype == "FLOAT" or peak == 0:
        return subtype
    quietest = 2.0 ** (LEAST_BITS - BITS[subtype])
    return subtype if quietest <= peak <= 1 else "FLOAT"


def whole_numbers(block: NDArray[np.float32], bits: int) -> NDArray[np.int32]:
    """Invert the reading of PCM; +1 itself becomes the largest value."""
    full = 2 ** (bits - 1)
    whole = np.rint(block.astype(np.float64) * full)
    return np.asarray(np.clip(whole, -full, full - 1), dtype=np.int32)


def pcm(block: NDArray[np.float32], bits: int) -> bytes:
    """Give samples as the bytes of PCM, the lowest first."""
    four: NDArray[Any] = np.ascontiguousarray(whole_numbers(block, bits), dtype="<i4")
    return four.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()


def wav_header(rate: int, channels: int, subtype: str, length: int) -> bytes:
    """Give what stands before the samples of a WAV file, or of an RF64 file if they are too many.

    The chunks are those of Microsoft's and IBM's "Multimedia Programming Interface and Data
    Specifications 1.0", and of EBU Tech 3306 for RF64.
    """
    bits = BITS.get(subtype, 32)
    frame = channels * bits // 8
    size = length * frame
    kind = 3 if subtype == "FLOAT" else 1
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    if kind == 3:
        chunks += b"fact" + struct.pack("<II", 4, min(length, 2**32 - 1))
    whole = 4 + len(chunks) + 8 + size + size % 2
    if size <= LARGEST_WAV:
        start = b"RIFF" + struct.pack("<I", whole) + b"WAVE"
        return start + chunks + b"data" + struct.pack("<I", size)
    sizes = struct.pack("<IQQQI", 28, whole + 36, size, length, 0)
    start = b"RF64" + struct.pack("<I", 2**32 - 1) + b"WAVE" + b"ds64" + sizes
    return start + chunks + b"data" + struct.pack("<I", 2**32 - 1)
