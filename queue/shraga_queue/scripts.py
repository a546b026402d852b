"""Loads the Lua scripts: each file becomes one self-contained text with the keys, moves and helpers it uses.

A script runs from its first line at every call, so what can be settled when it is loaded is: a key is spelled where it
is used, a bound is a number there, and a row of the moves is made when it is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from importlib.resources import files

import shraga_models as models
from shraga_models import TaskStatus

from .keys import Keys

_KEY_CALL = re.compile(r"\bK\.(\w+)\(")
_KEY_USE = re.compile(r"\bK\.(\w+)")
_BOUND_USE = re.compile(r"\bBOUNDS\.(\w+)")
_MARK = re.compile(r"""'[^']*'|"[^"]*"|[(){}\[\],]""")
_LIBRARY_USE = re.compile(r"^-- Uses:\s*(.+)$", re.MULTILINE)
_GOES_ON = re.compile(r"^-- Goes on as:\s*(\w+)$", re.MULTILINE)
READ_ONLY_MARK = "-- Read only."


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of what only grows is kept: entries per stream, seconds of RQ's view of ended jobs, occurrences that
    wait for a task's run to end, seconds an emit's key is remembered; `cascade`: how many tasks that wait for ended
    ones a script looks at.
    """

    events: int = 100_000
    user_events: int = 20_000
    audit: int = 100_000
    rq_seconds: int = 86_400
    log_seconds: int = 30 * 86_400
    bells: int = 64
    document_versions: int = 50
    user_calls: int = 20_000
    spend_seconds: int = 400 * 86_400
    spend_rows: int = 10_000
    chat: int = 10_000
    cascade: int = 1_000
    outbox: int = 1_000
    dead_letters: int = 1_000
    backlog: int = 1_000
    emit_seconds: int = 86_400


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
    for move in models.MOVES.values():
        sources = ", ".join(f"{status} = true" for status in sorted(move.sources))
        audited = str(move.is_audited).lower()
        rows.append(
            f"if name == '{move.name}' then row = "
            f"{{from = {{{sources}}}, to = '{move.target}', event = '{move.event}', audited = {audited}}}"
        )
    chosen = "\n  else".join(rows)
    return (
        "local MOVES = setmetatable({}, {__index = function(made, name)\n"
        f"  local row\n  {chosen} end\n  made[name] = row\n  return row\nend}})"
    )


def _phases_table() -> str:
    rows = []
    for move in models.PHASE_MOVES.values():
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


def _arguments(text: str, start: int) -> tuple[list[str], int]:
    """Return the arguments of a call whose bracket opens before `start`, and where it ends."""
    depth, found, at = 0, list[str](), start
    for mark in _MARK.finditer(text, start):
        if depth == 0 and mark[0] in (",", ")"):
            found.append(text[at : mark.start()].strip())
            at = mark.end()
            if mark[0] == ")":
                return [argument for argument in found if argument], at
        depth += (mark[0] in "({[") - (mark[0] in ")}]")
    raise ValueError(f"a call has no end: {text[start : start + 40]!r}")


def _spell_keys(text: str, keys: Keys) -> str:
    """Return a text with every `K.name(parts)` replaced by the key's own expression."""
    pieces, at = list[str](), 0
    while call := _KEY_CALL.search(text, at):
        parts, end = _arguments(text, call.end())
        pieces += [text[at : call.start()], keys.lua(call[1], *(_spell_keys(part, keys) for part in parts))]
        at = end
    return "".join([*pieces, text[at:]])


@lru_cache(maxsize=256)
def load_script(name: str, keys: Keys, bounds: Bounds) -> Script:
    """Return the script `name` for a prefix; raises FileNotFoundError for an unknown one.

    A script that `Goes on as` another does its own part first and then, in the same call, the other's.
    """
    body = _source(name)
    if onward := _GOES_ON.search(body):
        body += _source(onward[1])
    used = dict.fromkeys(part.strip() for parts in _LIBRARY_USE.findall(body) for part in parts.split(","))
    library = [_source(f"lib_{part}") for part in used]
    main = _spell_keys("\n".join([*library, body]), keys)
    main = _BOUND_USE.sub(lambda use: str(getattr(bounds, use[1])), main)
    head = list[str]()
    if handed_on := dict.fromkeys(_KEY_USE.findall(main)):
        head += ["local K = {}", *(keys.lua_function(key) for key in handed_on)]
    if "MOVES" in main:
        head.append(_moves_table())
    if "PHASES" in main:
        head.append(_phases_table())
    if "FINAL" in main:
        head.append(_final_table())
    text = "\n".join([*head, main])
    return Script(name, text, sha1(text.encode()).hexdigest(), READ_ONLY_MARK in body)  # noqa: S324
