"""Loads the Lua scripts: each file becomes one self-contained text with the keys, moves and helpers it uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from importlib.resources import files

from shraga_models import MOVES, PHASE_MOVES, TaskStatus

from .keys import Keys

_KEY_USE = re.compile(r"\bK\.(\w+)")
_LIBRARY_USE = re.compile(r"^-- Uses:\s*(.+)$", re.MULTILINE)
READ_ONLY_MARK = "-- Read only."


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of what only grows is kept: entries per stream, seconds of RQ's view of ended jobs; `cascade`:
    how many tasks that wait for ended ones a script looks at.
    """

    events: int = 100_000
    user_events: int = 20_000
    audit: int = 100_000
    rq_seconds: int = 86_400
    log_seconds: int = 30 * 86_400
    bells: int = 64
    cascade: int = 1_000


@dataclass(frozen=True, slots=True)
class Script:
    """One script, ready to send: its text, the SHA1 Redis knows it by, and whether it only reads."""

    name: str
    text: str
    sha: str
    read_only: bool

    @property
    def verb(self) -> str:
        """The command that runs it by its SHA1."""
        return "EVALSHA_RO" if self.read_only else "EVALSHA"

    @property
    def verb_with_text(self) -> str:
        """The command that runs it where the server does not know it yet."""
        return "EVAL_RO" if self.read_only else "EVAL"


def _source(name: str) -> str:
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


def _moves_table() -> str:
    rows = []
    for move in MOVES.values():
        sources = ", ".join(f"{status} = true" for status in sorted(move.sources))
        audited = str(move.is_audited).lower()
        rows.append(
            f"{move.name} = {{from = {{{sources}}}, to = '{move.target}', event = '{move.event}', audited = {audited}}}"
        )
    return f"local MOVES = {{{', '.join(rows)}}}"


def _phases_table() -> str:
    rows = []
    for move in PHASE_MOVES.values():
        sources = ", ".join(f"{phase} = true" for phase in sorted(move.sources))
        target = f"'{move.target}'" if move.target else "nil"
        audited = str(move.is_audited).lower()
        rows.append(
            f"{move.name} = {{from = {{{sources}}}, to = {target}, event = '{move.event}', audited = {audited}}}"
        )
    return f"local PHASES = {{{', '.join(rows)}}}"


def _final_table() -> str:
    final = ", ".join(f"{status} = true" for status in TaskStatus if status.is_final)
    return f"local FINAL = {{{final}}}"


def _bounds_table(bounds: Bounds) -> str:
    pairs = ", ".join(f"{name} = {getattr(bounds, name)}" for name in bounds.__slots__)
    return f"local BOUNDS = {{{pairs}}}"


@lru_cache(maxsize=256)
def load_script(name: str, keys: Keys, bounds: Bounds) -> Script:
    """Return the script `name` for a prefix; raises FileNotFoundError for an unknown one."""
    body = _source(name)
    used = _LIBRARY_USE.search(body)
    library = [_source(f"lib_{part.strip()}") for part in used[1].split(",")] if used else []
    main = "\n".join([*library, body])
    wanted = dict.fromkeys(_KEY_USE.findall(main))
    head = ["local K = {}", *(keys.lua_functions[key] for key in wanted)]
    if "MOVES" in main:
        head.append(_moves_table())
    if "PHASES" in main:
        head.append(_phases_table())
    if "FINAL" in main:
        head.append(_final_table())
    if "BOUNDS" in main:
        head.append(_bounds_table(bounds))
    text = "\n".join([*head, main])
    return Script(name, text, sha1(text.encode()).hexdigest(), READ_ONLY_MARK in body)  # noqa: S324
