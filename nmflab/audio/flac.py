"""Decode FLAC with numpy alone, for places without libsndfile and FFmpeg; see RFC 9639.

No frame of a file needs another one. So a row of frames is decoded side by side: what must go from
sample to sample, the codes of the residual and the prediction, takes a step of numpy for the
samples of all these frames. Where a frame ends, the next has to begin; and at the end of the file
the samples must have the digest that the encoder has noted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

FRAMES = 256
"""Frames that are decoded side by side."""

MARKS = (b"\xff\xf8", b"\xff\xf9")
"""How frames begin whose blocks are of one length, and of any length."""

SIZES = {1: 192} | {2 + i: 576 << i for i in range(4)} | {8 + i: 256 << i for i in range(8)}
DEPTHS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
FIXED: tuple[tuple[int, ...], ...] = ((), (1,), (2, -1), (3, -3, 1), (4, -6, 4, -1))
"""The predictors that have no coefficients in the file."""


class Damaged(Exception):
    """The file is no FLAC, or not whole."""


@dataclass(frozen=True)
class Form:
    """What STREAMINFO says: the length is 0 where it is not known."""

    rate: int
    channels: int
    bits: int
    length: int
    digest: bytes
    start: int


@dataclass(frozen=True)
class Frame:
    """A frame's header: where its first subframe begins, in bits, and what is in the frame."""

    place: int
    first_bit: int
    size: int
    number: int
    assignment: int
    bits: int


def read_form(content: bytes) -> Form:
    """Read what stands before the frames."""
    if content[:4] != b"fLaC" or len(content) < 42:
        raise Damaged("it does not begin as FLAC does")
    bits = _Bits(content, 8 * 18)
    rate, channels, depth, length = bits.take(20), bits.take(3) + 1, bits.take(5) + 1, bits.take(36)
    place, is_last = 4, False
    while not is_last:
        if place + 4 > len(content):
            raise Damaged("it ends before its first sample")
        is_last = content[place] >= 128
        place += 4 + int.from_bytes(content[place + 1 : place + 4], "big")
    return Form(rate, channels, depth, length, content[26:42], place)


def decode(content: bytes, form: Form) -> Iterator[NDArray[Any]]:
    """Give the samples, one column a channel, as whole numbers with full scale at their type's."""
    digest = hashlib.md5(usedforsecurity=False)
    width = -(-form.bits // 8)
    frames = _frames(content, form)
    ends = [*(frame.place for frame in frames[1:]), len(content)]
    for start in range(0, len(frames), FRAMES):
        some = slice(start, start + FRAMES)
        samples = _decode_frames(content, frames[some], ends[some])
        narrow = samples.astype("<i4").view(np.uint8).reshape(*samples.shape, 4)[..., :width]
        digest.update(np.ascontiguousarray(narrow).data)
        kind, room = (np.int16, 16) if form.bits <= 16 else (np.int32, 32)
        yield (samples << (room - form.bits)).astype(kind)
    if any(form.digest) and digest.digest() != form.digest:
        raise Damaged("its samples are not those that were encoded")


class _Bits:
    """Bits of a file in their order, a few at a time."""

    def __init__(self, content: bytes, place: int) -> None:
        self.content, self.place = content, place

    def take(self, count: int) -> int:
        end = self.place + count
        some = self.content[self.place >> 3 : (end + 7) >> 3]
        if end > 8 * len(self.content):
            raise Damaged("it ends within a frame")
        self.place = end
        return int.from_bytes(some, "big") >> (-end % 8) & ((1 << count) - 1)

    def signed(self, count: int) -> int:
        value = self.take(count)
        return value - (value >> (count - 1) << count) if count else 0

    def unary(self) -> int:
        count = 0
        while not self.take(1):
            count += 1
        return count


def _frames(content: bytes, form: Form) -> list[Frame]:
    """Find all frames: their marks, checksums and numbers leave no doubt."""
    frames: list[Frame] = []
    mark = content[form.start : form.start + 2]
    if mark not in MARKS:
        raise Damaged("it holds no frame")
    place, done = form.start, 0
    while place >= 0:
        frame = _header(content, place, form)
        wanted = done if mark == MARKS[1] else len(frames)
        if frame is not None and frame.number == wanted:
            frames.append(frame)
            done += frame.size
        place = content.find(mark, place + 2 if frame else place + 1)
    if not frames:
        raise Damaged("it holds no frame")
    return frames


def _header(content: bytes, place: int, form: Form) -> Frame | None:
    """Read a frame's header, if it is one."""
    bits = _Bits(content, 8 * place + 16)
    try:
        size, rate, assignment, depth, _ = (bits.take(n) for n in (4, 4, 4, 3, 1))
        number = _number(bits)
        size = bits.take(8 * (size - 5)) + 1 if size in (6, 7) else SIZES.get(size, 0)
        bits.take({12: 8, 13: 16, 14: 16}.get(rate, 0))
        end = bits.place // 8
        known = _crc8(content[place:end]) == bits.take(8)
    except Damaged:
        return None
    channels = assignment + 1 if assignment < 8 else 2
    if not known or size == 0 or assignment > 10 or channels != form.channels:
        return None
    return Frame(place, bits.place, size, number, assignment, DEPTHS.get(depth, form.bits))


def _number(bits: _Bits) -> int:
    """Read a number that is written as UTF-8 writes characters."""
    first = bits.take(8)
    more = 0
    while more < 7 and first & 128 >> more:
        more += 1
    number = first & 127 >> more
    for _ in range(more - 1):
        number = number << 6 | bits.take(8) & 63
    return number


def _crc8(some: bytes) -> int:
    crc = 0
    for byte in some:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (7 if crc & 128 else 0)) & 255
    return crc


def _decode_frames(content: bytes, frames: list[Frame], ends: list[int]) -> Integers:
    """Decode some frames side by side."""
    first = frames[0].place
    piece = _Piece(content[first : ends[-1]])
    places = np.array([frame.first_bit - 8 * first for frame in frames])
    n_channels = frames[0].assignment + 1 if frames[0].assignment < 8 else 2
    channels = []
    for channel in range(n_channels):
        sides = {8, 10} if channel == 1 else {9}
        is_side = [frame.assignment in sides for frame in frames]
        depths = [frame.bits + side for frame, side in zip(frames, is_side, strict=True)]
        samples, places = piece.subframes(frames, depths, places)
        channels.append(samples)
    if any(-(-int(place) // 8) + 2 + first != end for place, end in zip(places, ends, strict=True)):
        raise Damaged("a frame does not end where the next begins")
    if n_channels == 2:
        channels = _apart(channels, np.array([frame.assignment for frame in frames]))
    whole = np.stack(channels, axis=-1)  # sample of the frame, frame, channel
    return np.concatenate([whole[: frame.size, k] for k, frame in enumerate(frames)])


def _apart(channels: list[Integers], assignment: NDArray[Any]) -> list[Integers]:
    """Undo that a channel is stored as a difference, or both as their mean and difference."""
    one, other = channels
    middle = 2 * one + (other & 1)
    left = np.select([assignment == 9, assignment == 10], [one + other, middle + other >> 1], one)
    right = np.select(
        [assignment == 8, assignment == 10], [one - other, middle - other >> 1], other
    )
    return [left, right]


class _Piece:
    """The bytes of some frames, made ready to be read at many places at once."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        padded = np.frombuffer(content + bytes(64), np.uint8)
        bits = np.unpackbits(padded)
        self.last = 8 * len(content)
        ones = np.where(bits, np.arange(bits.size), self.last)
        self.next_one = np.minimum(np.minimum.accumulate(ones[::-1])[::-1], self.last)
        self.words = np.zeros(len(content) + 8, np.int64)  # the 40 bits from each byte on
        for i in range(5):
            self.words |= padded[i : i + self.words.size].astype(np.int64) << 32 - 8 * i

    def take(self, places: Integers, counts: Integers) -> Integers:
        """Read so many bits, 32 at most, at each place."""
        found = self.words[places >> 3] >> 40 - (places & 7) - counts & (1 << counts) - 1
        return np.asarray(found)

    def subframes(
        self, frames: list[Frame], depths: list[int], places: Integers
    ) -> tuple[Integers, Integers]:
        """Decode one channel of all frames, one column each; give where each ends, too."""
        longest = max(frame.size for frame in frames)
        rows = [_subframe(_Bits(self.content, int(place)), frame.size, depth)
                for place, frame, depth in zip(places, frames, depths, strict=True)]  # fmt: skip
        order = np.array([row.order for row in rows])
        m = max([len(row.coefficients) for row in rows])
        samples = np.zeros((m + longest, len(rows)), np.int64)  # after m zeros
        coefficients = np.zeros((m, len(rows)), np.int64)
        for k, row in enumerate(rows):
            samples[m : m + len(row.known), k] = row.known
            for j, coefficient in enumerate(row.coefficients):
                coefficients[m - 1 - j, k] = coefficient
        places = self._residual(rows, np.array([f.size for f in frames]), samples[m:])
        shift = np.array([row.shift for row in rows])
        latest = order.max()
        for i in range(longest if m else 0):
            predicted = np.einsum("jk,jk->k", coefficients, samples[i : i + m]) >> shift
            samples[m + i] += predicted if i >= latest else np.where(i >= order, predicted, 0)
        return samples[m:] << np.array([row.wasted for row in rows]), places

    def _residual(self, rows: list[_Subframe], sizes: Integers, samples: Integers) -> Integers:
        """Read Rice's codes of all frames, sample by sample; give where they end."""
        order, part, place = (np.array([getattr(row, name) for row in rows])
                              for name in ("order", "part", "place"))  # fmt: skip
        wide, rice, raw = (np.array([getattr(row, name) for row in rows])
                           for name in ("wide", "rice", "raw"))  # fmt: skip
        five, many = np.full_like(place, 5), range(order.max(), sizes.min())
        edges = {i for step in set(part.tolist()) for i in range(step, len(samples), step)}
        is_raw = raw.max() >= 0
        for i in range(order.min(), len(samples)):
            live = (i >= order) & (i < sizes) if i not in many else True
            if i in edges:
                begins = (i % part == 0) & live
                found = self.take(place, wide)
                escaped = begins & (found == (1 << wide) - 1)
                rice = np.where(begins, found, rice)
                place = np.where(begins, place + wide, place)
                raw = np.where(begins, np.where(escaped, self.take(place, five), -1), raw)
                place = np.where(escaped, place + 5, place)
                is_raw = raw.max() >= 0
            stop = self.next_one[place] + 1
            folded = (stop - 1 - place << rice) + self.take(stop, rice)
            value, after = folded >> 1 ^ -(folded & 1), stop + rice
            if is_raw:
                width = np.maximum(raw, 0)
                plain = self.take(place, width)
                plain -= plain >> np.maximum(width - 1, 0) << width
                value = np.where(raw >= 0, np.where(raw > 0, plain, 0), value)
                after = np.where(raw >= 0, place + width, after)
            if live is not True:
                value, after = np.where(live, value, 0), np.where(live, after, place)
            samples[i] += value
            place = np.minimum(after, self.last)
        return place


@dataclass
class _Subframe:
    """One channel of a frame: what is known of its samples, and how the others are stored.

    The first samples, or all, are known; the others are predicted, and their residual is stored in
    parts of so many samples. Of the first part, Rice's parameter, or the bits of its plain numbers.
    """

    known: list[int]
    order: int
    wasted: int
    place: int
    coefficients: tuple[int, ...] = ()
    shift: int = 0
    part: int = 1
    wide: int = 4
    rice: int = 0
    raw: int = -1


def _subframe(bits: _Bits, size: int, depth: int) -> _Subframe:
    bits.take(1)
    kind = bits.take(6)
    wasted = bits.unary() + 1 if bits.take(1) else 0
    depth -= wasted
    if depth < 1:
        raise Damaged("it has a subframe without bits")
    if kind == 0:
        return _Subframe([bits.signed(depth)] * size, size, wasted, bits.place)
    if kind == 1:
        return _Subframe([bits.signed(depth) for _ in range(size)], size, wasted, bits.place)
    order = kind - 31 if kind >= 32 else kind - 8
    if not 0 <= order <= (32 if kind >= 32 else 4) or order > size:
        raise Damaged("it has a subframe of no known kind")
    known = [bits.signed(depth) for _ in range(order)]
    coefficients, shift = FIXED[order] if kind < 32 else (), 0
    if kind >= 32:
        precision, shift = bits.take(4) + 1, bits.signed(5)
        coefficients = tuple(bits.signed(precision) for _ in range(order))
    wide = bits.take(2) + 4
    part = size >> bits.take(4)
    if wide > 5 or part < max(order, 1) or shift < 0:
        raise Damaged("it has a residual of no known kind")
    rice = bits.take(wide)
    raw = bits.take(5) if rice == (1 << wide) - 1 else -1
    return _Subframe(known, order, wasted, bits.place, coefficients, shift, part, wide, rice, raw)
