"""The channel between a slot and its horse: whole messages, in order, whatever their size."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shraga_queue.channel import READ_SIZE, Channel


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_messages_arrive_whole_and_in_order(messages: list[bytes]) -> None:
    one, other = Channel.pair()
    for message in messages:
        one.send(message)
    assert [other.receive() for _ in messages] == messages
    assert other.receive_now() is None
    one.close()
    other.close()


def test_a_message_larger_than_any_buffer_arrives() -> None:
    one, other = Channel.pair()
    message = bytes(range(256)) * 40_000
    sender = threading.Thread(target=one.send, args=(message,))
    sender.start()
    assert other.receive() == message
    sender.join()
    one.close()
    other.close()


def test_what_was_read_along_is_ready_without_waiting() -> None:
    one, other = Channel.pair()
    assert not other.is_ready
    one.send(b"first")
    one.send(b"second")
    assert other.receive() == b"first"
    assert other.is_ready
    assert other.receive_now() == b"second"
    assert not other.is_ready
    one.close()
    other.close()


def test_a_part_of_a_message_is_not_ready() -> None:
    one, other = Channel.pair()
    one._end.sendall(b"\0\0\0\5he")
    assert other.receive_now() is None
    one._end.sendall(b"llo" + b"\0\0\0\0")
    assert [other.receive_now(), other.receive_now()] == [b"hello", b""]
    one.close()
    other.close()


@pytest.mark.parametrize("how", ["receive", "receive_now"])
def test_the_end_of_the_other_side_is_told_after_its_last_message(how: str) -> None:
    one, other = Channel.pair()
    one.send(b"x" * (READ_SIZE - 4))
    one.close()
    assert len(other.receive()) == READ_SIZE - 4
    with pytest.raises(EOFError):
        getattr(other, how)()
    other.close()
