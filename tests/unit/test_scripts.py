"""The Lua scripts: each says what it is, spells no key, and writes only where it says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime  # type: ignore[import-untyped]

from shraga_models import MOVES, TaskStatus
from shraga_queue.keys import _TEMPLATES, Keys
from shraga_queue.scripts import READ_ONLY_MARK, Bounds, load_script

FOLDER = Path(str(files("shraga_queue") / "lua"))
FILES = sorted(FOLDER.glob("*.lua"))
SCRIPTS = [path.stem for path in FILES if not path.stem.startswith("lib_")]
READERS = [
    "board", "brakes", "budgets", "counts", "deliveries", "dependencies", "documents", "documents_for",
    "documents_unknown", "events", "expired", "foreign_job", "foreign_jobs", "foreign_queues", "foreign_workers",
    "page", "questions", "rows", "scheduler_entries", "scheduler_entry", "schedules", "search", "slots", "standing",
    "task", "webhooks", "workers", "workflow", "workflow_list",
]  # fmt: skip
READING = {
    "EXISTS", "GET", "HGET", "HGETALL", "HKEYS", "HMGET", "HSTRLEN", "LLEN", "LPOS", "LRANGE", "SCARD",
    "SISMEMBER", "SMEMBERS", "SRANDMEMBER", "TIME", "XINFO", "XLEN", "XRANGE", "XREVRANGE", "ZCARD", "ZCOUNT",
    "ZRANGE", "ZRANGEBYSCORE", "ZREVRANGE", "ZREVRANGEBYSCORE", "ZSCORE",
}  # fmt: skip
COMMAND = re.compile(r"redis\.call\(\s*'(\w+)'")
# A few commands say what they do with a second word, and name the key after it.
KEY_ARGUMENT = re.compile(
    r"redis\.call\(\s*'\w+',\s*(?:'(?:STREAM|GROUPS|GROUP|CREATE|DESTROY)',\s*)?([^,)]+)"
)
LITERAL = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def code(path: Path) -> str:
    """Return a file without its comments."""
    return re.sub(r"--[^\n]*", "", path.read_text())


def load(name: str) -> str:
    return load_script(name, Keys("p", "rq"), Bounds()).text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_header_states_keys_arguments_reply_and_invariants(path: Path) -> None:
    header = "\n".join(line for line in path.read_text().splitlines()[:12] if line.startswith("--"))
    said = {word for word in ("KEYS", "ARGV", "Reply:", "Invariants:") if word in header}
    assert said == {"KEYS", "ARGV", "Reply:", "Invariants:"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_key_is_spelled_in_a_script(path: Path) -> None:
    arguments = [found.strip() for found in KEY_ARGUMENT.findall(code(path))]
    literals = ["".join(found) for found in LITERAL.findall(code(path))]
    pieces = {piece for template in _TEMPLATES.values() for piece in re.findall(r":[a-z-]{2,}", template)}
    assert [one for one in arguments if one.startswith(("'", '"'))] == []
    assert [one for one in literals if any(piece in one for piece in pieces) or one.startswith("rq:")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_keys_and_bounds_that_python_knows_are_used(path: Path) -> None:
    assert set(re.findall(r"\bK\.(\w+)", path.read_text())) <= set(_TEMPLATES)
    assert set(re.findall(r"\bBOUNDS\.(\w+)", path.read_text())) <= set(Bounds.__slots__)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_key_is_spelled_where_it_is_used(name: str) -> None:
    assert not re.search(
        r"\bK\.\w+\(|\bBOUNDS\b", re.sub(r"^function K.*", "", load(name), flags=re.MULTILINE)
    )


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Return what a script of one line returns, loaded as a real one."""

    def result(line: str) -> Any:
        monkeypatch.setattr("shraga_queue.scripts._source", lambda name: line)
        return LuaRuntime().execute(load_script.__wrapped__("line", Keys("p", "rq"), Bounds(bells=7)).text)

    return result


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("return K.audit()", "p:audit"),
        ("return K.index(')' .. K.bell('(,'))", "p:tasks:)p:bell:(,"),
        ("return K.pulse(math.max(2, ({3, 1})[1]))", "p:pulse:3"),
        ("local made = {of = K.rq_failed} return made.of('q') .. K.due()", "rq:failed:qp:due"),
        ("return BOUNDS.bells", 7),
    ],
)
def test_keys_and_bounds_are_settled_when_a_script_is_loaded(
    loaded: Callable[[str], Any], line: str, value: object
) -> None:
    assert loaded(line) == value


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("return K.nothing()", KeyError),
        ("return K.nothing", KeyError),
        ("return K.audit('x')", ValueError),
        ("return K.task('x'", ValueError),
        ("return BOUNDS.nothing", AttributeError),
    ],
)
def test_a_key_or_bound_that_python_does_not_know_is_an_error(
    loaded: Callable[[str], Any], line: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        loaded(line)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_is_lua_that_compiles_without_stray_globals(name: str) -> None:
    lua = LuaRuntime()
    assert lua.globals().loadstring(load(name)) is not None
    assert re.findall(r"^(?!local )(?:function (?!K\.)|\w+ = )", load(name), re.MULTILINE) == []


def test_readers_are_those_that_say_so() -> None:
    assert [name for name in SCRIPTS if load_script(name, Keys(), Bounds()).read_only] == READERS


@pytest.mark.parametrize("name", READERS)
def test_reader_sends_no_command_that_writes(name: str) -> None:
    assert set(COMMAND.findall(load(name))) <= READING


@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - set(READERS)))
def test_every_other_script_writes(name: str) -> None:
    assert set(COMMAND.findall(load(name))) - READING
    assert READ_ONLY_MARK not in load(name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_libraries_a_script_names_are_the_ones_it_needs(path: Path) -> None:
    text = path.read_text()
    used = re.search(r"^-- Uses:\s*(.+)$", text, re.MULTILINE)
    for name in [part.strip() for part in used[1].split(",")] if used else []:
        assert (FOLDER / f"lib_{name}.lua").exists()


@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - set(READERS)))
def test_every_script_writes_what_it_has_collected(name: str) -> None:
    own = code(FOLDER / f"{name}.lua")
    if onward := re.search(r"^-- Goes on as: (\w+)$", load(name), re.MULTILINE):
        own += code(FOLDER / f"{onward[1]}.lua")
    assert ("flush()" in own) == ("local function put" in load(name))


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_ends_tasks_tells_those_that_wait_for_them(name: str) -> None:
    assert ("local function move(" in load(name)) == ("local function settle(" in load(name))


def test_scripts_are_given_the_one_table_of_moves() -> None:
    lua = LuaRuntime()
    head = load("turn").split("-- Redis's clock", 1)[0]
    moves, final = lua.execute(head + "\nreturn MOVES, FINAL")
    rows = {name: moves[name] for name in MOVES}
    assert {name: (set(row["from"]), row.to, row.event, row.audited) for name, row in rows.items()} == {
        move.name: (set(move.sources), move.target, move.event, move.is_audited) for move in MOVES.values()
    }
    assert moves["nothing"] is None
    assert set(final) == {status for status in TaskStatus if status.is_final}


def test_script_is_loaded_once_for_a_prefix_and_differs_by_prefix() -> None:
    first = load_script("turn", Keys("a"), Bounds())
    assert load_script("turn", Keys("a"), Bounds()) is first
    assert load_script("turn", Keys("b"), Bounds()).sha != first.sha


def test_bounds_reach_the_scripts() -> None:
    assert "'MAXLEN', '~', 7," in load_script("submit", Keys(), Bounds(events=7)).text


def test_unknown_script_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load_script("nothing", Keys(), Bounds())


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))
def test_lua_writes_a_time_as_rq_reads_it(at: datetime) -> None:
    lua = LuaRuntime()
    lua.execute("redis = {call = function() return {0, 0} end}")
    lua.execute((FOLDER / "lib_time.lua").read_text().replace("local function", "function"))
    ms = int(at.replace(tzinfo=UTC).timestamp() * 1000)
    expected = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}000Z"
    assert lua.globals().stamp(ms) == expected


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_that_moves_tasks_knows_what_follows_a_run_of_one_that_repeats(name: str) -> None:
    assert ("local function move" in load(name)) == ("REPEAT.after = function" in load(name))
