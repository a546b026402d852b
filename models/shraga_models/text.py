"""Make any text safe for a terminal: what it says stays, what it could do is gone."""

from __future__ import annotations

import re

_CONTROL = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
_C1 = dict.fromkeys(range(0x80, 0xA0), "�")
_BIDI = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "�")
_INVISIBLE = dict.fromkeys(
    [
        0x00AD,
        0x180E,
        0x200B,
        0x2028,
        0x2029,
        0x2060,
        0xFEFF,
        *range(0xFFF9, 0xFFFC),
        *range(0xE0000, 0xE0080),
    ],
    "�",
)
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "�")
_HARMLESS_LINE = _CONTROL | _C1 | _BIDI | _INVISIBLE | _SURROGATES
_HARMLESS_BLOCK = {code: char for code, char in _HARMLESS_LINE.items() if code not in (0x09, 0x0A)}
_PLAIN = re.compile(r"[\x20-\x7e]*")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def clean_line(text: str, limit: int | None = None) -> str:
    """Return `text` as one harmless line, shortened to `limit` characters with an ellipsis.

    Control characters become their visible pictures; C1, bidi and invisible characters become U+FFFD.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    return text if _PLAIN.fullmatch(text) else text.translate(_HARMLESS_LINE)


def clean_block(text: str) -> str:
    """Return `text` with its line breaks and tabs kept and everything else harmless, as `clean_line`."""
    return text if _PLAIN.fullmatch(text) else text.translate(_HARMLESS_BLOCK)


def strip_ansi(text: str) -> str:
    """Return `text` without terminal colour and cursor sequences, as log lines of programs carry them."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def usd(dollars: float) -> str:
    """Return US dollars as a table has them: cents, and more digits where a cent is too coarse."""
    fine = f"{dollars:.6f}".rstrip("0")
    return f"{dollars:.2f}" if dollars >= 1 or len(fine) < len("0.00") else fine
