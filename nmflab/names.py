"""Names of files as text: shown to people, written into a file name, typed into a shell.

A file system takes nearly any bytes for a name. Where such a name enters a text of the program it
goes through `showable`, and from there on it is text like any other: one line that every screen,
file and page can hold. How a place writes text (HTML, CSV, a picture) is that place's own matter.
"""

from __future__ import annotations

import shlex
import unicodedata

SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that would turn round the text behind a name; right-to-left letters need none."""

LONGEST = 180
"""Bytes of a name that leave room for what is put before and behind it in a file's name."""


def showable(text: object) -> str:
    r"""Give a text as one line that can be shown and written everywhere.

    Control characters and the like stand there as ``\n`` or ``\x1b``, and bytes that are no
    UTF-8 as the sign for what can't be read.

    >>> print(showable("pay_$5\n\x1b <b>"))
    pay_$5\n\x1b <b>
    """
    return "".join(map(_shown, str(text)))


def _shown(letter: str) -> str:
    if letter in SHORT:
        return SHORT[letter]
    kind = unicodedata.category(letter)
    if kind == "Cs":  # a byte that was no UTF-8, as Python reads names
        return "\N{REPLACEMENT CHARACTER}"
    if kind == "Cc":
        return f"\\x{ord(letter):02x}"
    if kind in ("Zl", "Zp") or letter in TURNING:
        return f"\\u{ord(letter):04x}"
    return letter


def file_name(text: str) -> str:
    """Make a text part of a file's name on every system: letters, digits, and - _ . alone."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in text)
    return safe.encode()[:LONGEST].decode(errors="ignore").lstrip(".") or "-"


def shell_word(text: str) -> str:
    r"""Quote a path for a shell; what can't be shown, as in bash and zsh.

    >>> print(shell_word("my talk.wav"), shell_word("a\udcff'.wav"), shell_word("-v.wav"))
    'my talk.wav' $'a\377\'.wav' ./-v.wav
    """
    text = f"./{text}" if text.startswith("-") else text
    if showable(text) == text:
        return shlex.quote(text)
    return "$'" + "".join(map(_in_bash, text)) + "'"


def as_typed(value: object) -> str:
    """Write a setting as one types it in a command, to the last digit.

    >>> print(as_typed(2.0), as_typed(0.1234567), as_typed("hann"))
    2 0.1234567 hann
    """
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _in_bash(letter: str) -> str:
    if letter in "\\'":
        return f"\\{letter}"
    if showable(letter) == letter:
        return letter
    encoded = letter.encode("utf-8", "surrogateescape")
    return "".join(f"\\{byte:03o}" for byte in encoded)  # three digits: a digit may follow
