"""Text from anywhere is harmless in a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shraga_models.text import clean_block, clean_line, strip_ansi

DANGEROUS = [
    *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u061c", "\u200e", "\u200f",
    *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u2028", "\u2029", "\u200b", "\ufeff",
    "\U000e0041", "\ud800",
]  # fmt: skip
nasty = st.text(st.characters() | st.sampled_from(DANGEROUS))


def harmful(text: str, allowed: str = "") -> list[str]:
    """Return the characters of a text that could do something to a terminal."""
    return [
        char for char in text
        if char not in allowed
        and (unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(char) in BIDI)
    ]  # fmt: skip


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(nasty)
def test_line_never_holds_what_could_do_something(text: str) -> None:
    assert harmful(clean_line(text)) == []
    assert len(clean_line(text)) == len(text)


@given(nasty)
def test_block_keeps_line_breaks_and_tabs_alone(text: str) -> None:
    cleaned = clean_block(text)
    assert harmful(cleaned, "\n\t") == []
    assert [i for i, char in enumerate(cleaned) if char in "\n\t"] == [
        i for i, char in enumerate(text) if char in "\n\t"
    ]


@given(nasty, st.integers(1, 20))
def test_line_is_cut_to_its_limit(text: str, limit: int) -> None:
    assert len(clean_line(text, limit)) == min(len(text), limit)


@pytest.mark.parametrize("char", DANGEROUS)
def test_dangerous_character_is_shown_as_a_picture(char: str) -> None:
    assert clean_line(f"a{char}b") not in ("ab", f"a{char}b")


@pytest.mark.parametrize(
    "text", ["plain", "Grüße, 世界 🎉", "e\u0301", "👨\u200d👩\u200d👧", "[bold]x[/bold]"]
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert clean_line(text) == text
    assert clean_block(text) == text


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[31mb", "a␛[31mb"), ("a\nb", "a␊b"), ("a\x9bb", "a\ufffdb"), ("\x7f", "␡")]
)
def test_control_characters_become_their_pictures(text: str, shown: str) -> None:
    assert clean_line(text) == shown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"), ("a\x1b[2Kb", "ab"), ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\l\x1b]8;;\x1b\\", "l"),
        ("\x1b[?25lx", "x"), ("no colour", "no colour"), ("\x1bMx", "x"), ("\x1b[38;2;1;2;3mx", "x"),
    ],
)  # fmt: skip
def test_colours_and_cursor_moves_are_taken_out(text: str, plain: str) -> None:
    assert strip_ansi(text) == plain


@given(nasty)
def test_taking_colours_out_never_adds_anything(text: str) -> None:
    assert len(strip_ansi(text)) <= len(text)
    assert harmful(clean_line(strip_ansi(text))) == []
