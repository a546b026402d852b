"""One spelling of every key: Python and Lua make the same, and an owner's keys begin with the owner."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime  # type: ignore[import-untyped]

from shraga_queue.keys import _TEMPLATES, Keys

names = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789_.-", min_size=1, max_size=12)
OWNED = {
    "user", "task", "runs", "log", "backlog", "chat", "answers", "needs", "unmet", "dependents", "user_index",
    "user_calls", "user_events", "workflow", "workflow_chat",
}  # fmt: skip


def parts_of(name: str) -> list[str]:
    """Return what a key is made from, besides the prefixes."""
    return [part for part in re.findall(r"\{(\w+)\}", _TEMPLATES[name]) if part not in ("p", "rq")]


@given(prefix=names, rq=names, data=st.data())
def test_python_and_lua_make_the_same_key(prefix: str, rq: str, data: st.DataObject) -> None:
    keys = Keys(prefix, rq)
    name = data.draw(st.sampled_from(sorted(_TEMPLATES)))
    parts = {part: data.draw(names) for part in parts_of(name)}
    lua = LuaRuntime()
    lua.execute("K = {}\n" + keys.lua_function(name))
    assert lua.globals().K[name](*parts.values()) == keys.make(name, **parts)
    assert lua.eval(keys.lua(name, *(f"'{part}'" for part in parts.values()))) == keys.make(name, **parts)


def test_an_expression_as_a_part_of_a_lua_key_is_taken_as_a_whole() -> None:
    lua = LuaRuntime()
    assert lua.eval(Keys("p").lua("log", "nil or 'a'", "'b'", "1 + 1")) == "p:u:a:t:b:log:2"


@pytest.mark.parametrize("parts", [(), ("owner",), ("owner", "task", "more")])
def test_more_or_fewer_parts_than_a_lua_key_has_are_an_error(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"K.task takes 2 parts, not {len(parts)}"):
        Keys().lua("task", *parts)


@pytest.mark.parametrize("name", sorted(_TEMPLATES))
def test_key_belongs_to_its_owner_to_the_organisation_or_to_rq(name: str) -> None:
    key = Keys("p", "rq").make(name, **dict.fromkeys(parts_of(name), "x"))
    assert key.startswith("p:u:x") if name in OWNED else key.startswith(("p:", "rq:"))
    assert key.startswith("p:u:") == (name in OWNED)


def test_no_two_keys_are_the_same() -> None:
    keys = Keys("p", "rq")
    made = [keys.make(name, **{part: f"<{part}>" for part in parts_of(name)}) for name in _TEMPLATES]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(("name", "parts"), [("nothing", {}), ("task", {"owner": "a"})])
def test_unknown_key_or_missing_part_is_an_error(name: str, parts: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        Keys().make(name, **parts)


def test_rq_prefix_is_the_one_rq_itself_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RQ_KEY_PREFIX", "team:")
    assert Keys().make("rq_job", task="t") == "team:job:t"


def test_queue_names_carry_prefix_capability_and_priority() -> None:
    keys = Keys("p")
    assert keys.queue_name("gpu", "high") == "p.gpu.high"
    assert keys.queue_name("gpu", "high").startswith(keys.queue_name_prefix)
