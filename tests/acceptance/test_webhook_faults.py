"""Webhooks with real controllers: whoever dies in the middle of a delivery, nothing is lost."""

from __future__ import annotations

from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from tests.factories import new_task
from tests.processes import Processes
from tests.receiver import Receiver
from tests.waiting import wait_until

SECRET = "a key of some length"


def test_controller_killed_in_the_middle_of_a_delivery_loses_nothing(
    processes: Processes, shraga: Shraga
) -> None:
    with Receiver() as receiver:
        shraga.webhooks.add("ops", receiver.url, ["task.submitted"], secret="${env:HOOK_KEY}")
        shraga.submit_many([new_task(f"task {number}") for number in range(10)])
        ids = [event.id for event in shraga.events() if event.type == "task.submitted"]
        receiver.gate.clear()
        first = processes.start("controller", env={"HOOK_KEY": SECRET})
        wait_until(lambda: receiver.requests, 15, what=f"the first request: {processes.log()}")
        processes.start("controller", env={"HOOK_KEY": SECRET})
        first.kill()
        receiver.gate.set()
        wait_until(lambda: shraga.webhooks.get("ops").delivered == 10, 20, what=processes.log())
        # The one that was under way came a second time, under the same id.
        assert receiver.ids == [ids[0], *ids]
        assert receiver.requests[0].body == receiver.requests[1].body
    assert SECRET not in processes.log()


def test_retries_and_dead_letters_outlast_their_controller(
    processes: Processes, shraga: Shraga, settings: Settings
) -> None:
    with Receiver([500, 500]) as receiver:
        shraga.webhooks.add("ops", receiver.url, ["task.submitted"])
        shraga.submit_task(new_task())
        first = processes.controller()
        wait_until(lambda: shraga.webhooks.get("ops").tries == 1, 15, what="the first try in vain")
        first.kill()
        first.wait()
        found = shraga.webhooks.get("ops")
        assert (found.waiting, found.error.partition(":")[0]) == (1, "it answered 500 Internal Server Error")
        processes.controller()
        wait_until(lambda: shraga.webhooks.get("ops").delivered == 1, 20, what=processes.log())
        assert len(set(receiver.ids)) == 1
        assert len(receiver.ids) == 3
