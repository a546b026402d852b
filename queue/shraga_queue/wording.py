"""How a call is worded for the server: what the drivers, sync and async, have in common."""

from __future__ import annotations

from typing import Any

from .calls import Call, as_texts
from .keys import Keys
from .scripts import Bounds, Script, load_script


class Wording:
    """The keys and bounds that scripts are made with, and the words of each call."""

    def __init__(self, keys: Keys, bounds: Bounds, url: str) -> None:
        self.keys = keys
        self.bounds = bounds
        self.url = url

    def script(self, call: Call[Any]) -> Script:
        """Return the script that a call runs."""
        return load_script(call.script, self.keys, self.bounds)

    def words(self, call: Call[Any]) -> list[str | bytes]:
        """Return what is sent for a call; the server answers NOSCRIPT where it does not know the script."""
        if call.command:
            return as_texts(call.command)
        script = self.script(call)
        return [script.verb, script.sha, *_given(call)]

    def words_with_text(self, call: Call[Any]) -> list[str | bytes]:
        """Return what is sent where the server did not know a call's script."""
        script = self.script(call)
        return [script.verb_with_text, script.text, *_given(call)]


def _given(call: Call[Any]) -> list[str | bytes]:
    return as_texts((len(call.keys), *call.keys, *call.args))
