"""MP3 files that libsndfile stops to read before their end.

Most MP3s of variable bit rate have a first frame without sound, named Xing or Info, that counts the
others. Where there is none, as in what is cut out of a stream, libsndfile takes the bit rate of the
first frame for that of all, and stops where the file would end then, perhaps at a quarter of it. It
also stops where something lies between two frames, and of files that were put one after the other
it reads the first, for that is what the count is of.

So all frames are found here, and such a file is handed on as its frames alone, behind a new frame
that counts them. See ISO/IEC 11172-3 (2.4.2.3, the header of a frame) and 13818-3 (its lower
sampling rates).
"""

from __future__ import annotations

import io
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import IO, Any, NamedTuple

MPEG_1 = 3
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
BIT_RATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""In kbit/s, of MPEG-1 and of the others; the first stands for any rate."""

ROOM = 52
"""Bytes from the beginning of a frame in which its count stands at the latest."""

CHUNK = 2**20
HIGHEST = 14  # number of the highest bit rate


class Header(NamedTuple):
    """The four bytes at the beginning of a frame of an MP3."""

    word: int

    @property
    def kind(self) -> int:
        """What all frames of a file have in common: version, layer and sampling rate."""
        return self.word & 0xFFFE0C00

    @property
    def bit_rate(self) -> int:
        """The number of the bit rate in its table."""
        return self.word >> 12 & 15

    @property
    def version(self) -> int:
        """The number of the version of MPEG: 3 for 1, 2 for 2, 0 for 2.5."""
        return self.word >> 19 & 3

    @property
    def is_frame(self) -> bool:
        """Whether these four bytes begin a frame whose length can be told."""
        layer_3 = self.word >> 17 & 3 == 1
        sync, rate = self.word >> 21 == 0x7FF, self.word >> 10 & 3
        return sync and layer_3 and self.version in RATES and rate < 3 and 0 < self.bit_rate < 15

    @property
    def size(self) -> int:
        """The length of the frame in bytes."""
        first = self.version == MPEG_1
        rate = RATES[self.version][self.word >> 10 & 3]
        kilobits = BIT_RATES[first][self.bit_rate]
        return (144 if first else 72) * kilobits * 1000 // rate + (self.word >> 9 & 1)


class Whole(io.RawIOBase):
    """The frames of a file without what lies between them, behind one that counts them."""

    def __init__(self, file: IO[bytes], first: bytes, runs: list[tuple[int, int]]) -> None:
        self._file, self._first, self._runs = file, first, runs
        self._ends = [*accumulate((stop - start for start, stop in runs), initial=len(first))]
        self._at = 0

    def readable(self) -> bool:
        """Say that it is."""
        return True

    def seekable(self) -> bool:
        """Say that it is."""
        return True

    def tell(self) -> int:
        """Give the place in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Read on, as much as is asked for where there is so much."""
        done = 0
        while done < len(buffer) and (found := self._some(len(buffer) - done)):
            buffer[done : done + len(found)] = found
            done += len(found)
            self._at += len(found)
        return done

    def _some(self, wanted: int) -> bytes:
        """Give what comes next, of one run of frames alone."""
        if self._at < len(self._first):
            return self._first[self._at : self._at + wanted]
        place = bisect_right(self._ends, self._at) - 1
        if place == len(self._runs):
            return b""
        start, stop = self._runs[place]
        self._file.seek(start + self._at - self._ends[place])
        return self._file.read(min(wanted, stop - self._file.tell()))

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


def made_whole(source: Path | io.BytesIO) -> Whole | None:
    """Give an MP3 as one that is read to its end, where it isn't one."""
    file = source.open("rb") if isinstance(source, Path) else io.BytesIO(source.getvalue())
    runs: list[list[int]] = []
    rates: Counter[int] = Counter()
    model, promised = Header(0), None
    for at, header in frames(file):
        if not rates and promised is None:
            model, promised = header, _promised(file, at)
            if promised is not None:
                continue
        if not runs or at != runs[-1][1]:
            runs.append([at, at])
        runs[-1][1] = at + header.size
        rates[header.bit_rate] += 1
    count = rates.total()
    told = len(rates) < 2 if promised is None else count <= 1.01 * promised + 2
    if told and len(runs) < 2:
        file.close()
        return None
    return Whole(file, first_frame(model, count), [(start, stop) for start, stop in runs])


def _promised(file: IO[bytes], at: int) -> float | None:
    """Give how many frames a first frame counts; None if it is no such frame."""
    file.seek(at)
    start = file.read(ROOM)
    for name in (b"Xing", b"Info"):
        place = start.find(name)
        if place >= 0 and start[place + 7 : place + 8] and start[place + 7] & 1:
            return int.from_bytes(start[place + 8 : place + 12], "big")
    return math.inf if b"VBRI" in start else None


def first_frame(header: Header, count: int) -> bytes:
    """Make a frame without sound that says how many follow it."""
    word = header.word & ~(15 << 12) | HIGHEST << 12 | 1 << 16  # the longest, and no checksum
    mono = header.word >> 6 & 3 == 3
    side = (17 if mono else 32) if header.version == MPEG_1 else (9 if mono else 17)
    frame = word.to_bytes(4, "big") + bytes(side) + b"Xing\0\0\0\1" + count.to_bytes(4, "big")
    return frame.ljust(Header(word).size, b"\0")


def frames(file: IO[bytes]) -> Iterator[tuple[int, Header]]:
    """Find the frames of a file one after the other; what lies between them is passed over."""
    kind = None
    at = base = _after_tag(file.read(10))
    data = b""
    while True:
        if at - base + 4 > len(data):
            base = at
            file.seek(base)
            data = file.read(CHUNK)
            if len(data) < 4:
                return
        header = Header(int.from_bytes(data[at - base : at - base + 4], "big"))
        if header.is_frame and kind in (None, header.kind):
            if kind is None and not _another(file, at + header.size, header.kind):
                at += 1
                continue
            kind = header.kind
            yield at, header
            at += header.size
        else:
            found = data.find(b"\xff", at - base + 1)
            at = base + (found if found >= 0 else max(len(data), at - base + 1))


def _after_tag(start: bytes) -> int:
    """Say where what may hold a picture, an ID3v2 tag, ends; its length has 7 bits to a byte."""
    if start[:3] != b"ID3" or len(start) < 10:
        return 0
    return 10 + sum((byte & 127) << 7 * i for i, byte in enumerate(reversed(start[6:10])))


def _another(file: IO[bytes], at: int, kind: int) -> bool:
    """Say whether a frame of the same kind begins there: what looks like one may be none."""
    file.seek(at)
    header = Header(int.from_bytes(file.read(4), "big"))
    return header.is_frame and header.kind == kind
