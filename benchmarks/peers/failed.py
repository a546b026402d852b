"""The one error of a measurement."""

from __future__ import annotations


class Failed(Exception):
    """Something could not be measured; the message says why, the rest of the run goes on."""
