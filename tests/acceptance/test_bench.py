from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.peers.failed import Failed
from benchmarks.peers.measure import Sizes, draining, submitting
from benchmarks.peers.server import throwaway_server
from benchmarks.peers.systems import SHRAGA_PEER, chosen

SIZES = Sizes(tasks=150, single=20, bulk=40, starts=3)


def test_shraga_is_measured_with_real_processes() -> None:
    (system,) = chosen(["shraga-1"])
    with throwaway_server() as server:
        submit = submitting(server, SHRAGA_PEER, SIZES)
        drain = draining(server, system, SIZES)
    assert submit["submit_trips"] == 1
    assert min(submit["one"], submit["bulk"], drain["drain"], drain["memory"], drain["cpu"]) > 0
    assert 0 < drain["p50"] <= drain["p99"]


def test_a_producer_that_fails_is_quoted() -> None:
    broken = replace(SHRAGA_PEER, name="broken", app="no_such_app")
    with (
        throwaway_server() as server,
        pytest.raises(Failed, match=r"broken the producer ended(?s:.*)no_such_app"),
    ):
        submitting(server, broken, SIZES)
