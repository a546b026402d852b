"""What a pickle says is read without loading it."""

from __future__ import annotations

import datetime
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shraga_queue.plain_pickle import MOST_OPCODES, OPAQUE, as_json, read_pickle
from tests.factories import json_values

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Bomb:
    """Creates a folder when its pickle is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(value=json_values)
def test_plain_values_are_read_as_loading_would(protocol: int, value: Any) -> None:
    assert read_pickle(pickle.dumps(value, protocol)) == value
    assert as_json(read_pickle(pickle.dumps((value,), protocol))) == [value]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_would_act_is_left_and_the_rest_around_it_read(protocol: int, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    call = ("package.function", None, (Bomb(bomb), 1), {"at": datetime.date(2026, 1, 1), "n": 2})
    found = read_pickle(pickle.dumps(call, protocol))
    assert found == ("package.function", None, (OPAQUE, 1), {"at": OPAQUE, "n": 2})
    assert not bomb.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [{1, 2}, b"bytes", OrderedDict(a=1), {(1, 2): 3}, {1: 2}, float("nan")])
def test_what_json_has_not_is_refused(protocol: int, value: object) -> None:
    with pytest.raises(ValueError, match="a part of it is no plain value"):
        as_json([read_pickle(pickle.dumps(value, protocol))])


def test_shared_containers_do_not_multiply() -> None:
    value: list[Any] = ["x"]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(ValueError, match=r"no plain value|too deep"):
        as_json(read_pickle(pickle.dumps(value)))


def test_too_large_too_deep_and_too_long_are_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        read_pickle(pickle.dumps(list(range(MOST_OPCODES))))
    text = "x" * 60_000
    with pytest.raises(ValueError, match="too large"):
        read_pickle(pickle.dumps([text] * 1000))
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ValueError, match="too deep"):
        as_json(read_pickle(pickle.dumps(deep)))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = read_pickle(data)
    except ValueError as error:
        assert str(error)
    else:
        assert pickle.STOP in data, found
