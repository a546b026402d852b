"""The command line: the headless twin of everything; its verbs load only what they need."""

from __future__ import annotations
