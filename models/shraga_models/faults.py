"""What is wrong with a value, as a person says it: the fault and the fix, instead of the validator's own words."""

from __future__ import annotations

import re
from functools import cache

from .durations import format_duration

_RULES = (
    (r"Field required", "it is missing: give one"),
    (r"Extra inputs are not permitted", "is not a field of this record: remove it or correct its name"),
    (r"String should have at least 1 character", "it is empty: write something"),
    (r"Input should be a valid integer.*", "it is no whole number: write one such as 3"),
    (r"Input should be a (?:valid|finite) number.*", "it is no number: write one such as 1.5"),
    (r"Input should be a valid string.*", "it is no text: write it in quotes"),
    (r"Input should be a valid (?:dictionary|object).*", "it is no object: write it as {name: value}"),
    (r"Input should be a valid (?:tuple|list).*", "it is no list: write it as [one, two]"),
    (
        r"Input should be a valid date.*",
        "it is no time: write 2030-01-31T08:00, 2030-01-31T08:00Z or 2030-01-31T08:00+02:00",
    ),
    (r"Input should be greater than or equal to (\S+)", "it is too small: give at least %1"),
    (r"Input should be greater than (\S+)", "it is too small: give more than %1"),
    (r"Input should be less than or equal to (\S+)", "it is too large: give at most %1"),
    (r"Input should be less than (\S+)", "it is too large: give less than %1"),
    (r"Input should be ('.*')", "it is none of those known: use %1"),
    (r"Input tag ('.*?') found .* the expected tags: (.*)", "its type %1 is unknown: use one of %2"),
    (r"Unable to extract tag using discriminator '(\w+)'", "it says no %1: add one, such as %1: shell"),
)
_DURATIONS = (
    "timeout",
    "grace",
    "backoff",
    "backoff_max",
    "expires_in",
    "interval",
    "jitter",
    "check_timeout",
    "idle_timeout",
)


@cache
def _patterns() -> dict[str, str]:
    """What to write instead, by pattern; looked up among the records only once something is wrong."""
    from .actions import CALLABLE
    from .base import SLUG
    from .task import LABEL
    from .template import PARAMETER_NAME
    from .webhook import SECRET_NAME

    return {
        SLUG: "use 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first",
        CALLABLE: "write package.module:function",
        LABEL: "use 1 to 64 characters without blanks, commas and colons",
        PARAMETER_NAME: "use 1 to 64 letters, digits or '_', no digit first",
        SECRET_NAME: "a secret is named, never given: write ${env:NAME}, a variable of the controller",
        r"^[^/\x00]+$": "give the name of a file, without a folder",
    }


def plain(message: str, field: str = "") -> str:
    """Return a validator's message about a field in plain words; one that is plain already stays as it is."""
    if found := re.fullmatch(r"String should match pattern '(.*)'", message):
        return _patterns().get(found[1], f"it has the wrong form: match {found[1]}")
    for pattern, said in _RULES:
        if found := re.fullmatch(pattern, message):
            for number, part in enumerate(found.groups(), 1):
                said = said.replace(f"%{number}", _amount(part, field))
            return said
    return message


def _amount(text: str, field: str) -> str:
    """A bound with its unit."""
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        return text
    number, name = float(text), field.rpartition(".")[2]
    if name in _DURATIONS:
        return format_duration(number)
    return f"{number:,.15g}{' bytes' if name == 'log_bytes' else ''}"
