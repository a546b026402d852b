"""Agents' command lines: how each kind is started, told and understood."""

from __future__ import annotations

from shraga_models import AgentAdapter

from .adapter import Adapter, Start
from .claude import ClaudeAdapter
from .lines import LinesAdapter
from .text import TextAdapter

__all__ = ["Adapter", "Start", "make_adapter"]

_ADAPTERS: dict[AgentAdapter, type[Adapter]] = {
    AgentAdapter.CLAUDE: ClaudeAdapter,
    AgentAdapter.LINES: LinesAdapter,
    AgentAdapter.TEXT: TextAdapter,
}


def make_adapter(kind: AgentAdapter) -> Adapter:
    """Return what speaks with one run of an agent of this kind."""
    return _ADAPTERS[kind]()
