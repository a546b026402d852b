"""A planner whose plan is none is told, tries again, and leaves the rest to a person, under real processes."""

from __future__ import annotations

import json
import signal
from typing import Any

from shraga_models import Phase, TaskStatus, Workflow
from shraga_queue.client import Shraga
from shraga_tui.cli.app import run
from tests.processes import Processes
from tests.waiting import wait_until

STEPS = [{"name": "build", "action": {"type": "shell", "command": "true"}}]
SCRIPT: list[dict[str, Any]] = [
    {"finish": "Build it, then ship it."},
    {"finish": json.dumps([{"name": "build", "action": {"type": "magic"}}])},
    {"finish": "{answer}", "result": STEPS},
]


def plan_status(shraga: Shraga, flow: Workflow) -> TaskStatus:
    return shraga.get(flow.task_id("plan")).status


def test_the_planner_is_told_then_a_person_is_asked_and_nothing_waits_in_memory(
    processes: Processes, shraga: Shraga
) -> None:
    controller = processes.controller()
    worker = processes.worker(shraga)
    flow = shraga.submit_workflow(
        "release", plan={"action": {"type": "agent", "agent": "scripted", "prompt": json.dumps(SCRIPT)}}
    )
    wait_until(lambda: shraga.questions(), what=f"the question: {processes.log()}")
    (question,) = shraga.questions()
    assert question.id == f"{flow.task_id('plan')}.q1"
    assert "step 1 ('build'): action: its type 'magic'" in question.text
    asked = shraga.workflow(flow.id).workflow
    assert asked.phase is Phase.PLANNING
    assert "its type 'magic'" in asked.error
    for process in (worker, controller):
        process.send_signal(signal.SIGKILL)
        process.wait()
    place = ["--url", shraga.settings.redis_url or "", "--prefix", shraga.settings.prefix]
    assert run([*place, "answer", question.id, "one step will do"]) == 0
    processes.controller()
    processes.worker(shraga, "w2")
    wait_until(
        lambda: shraga.workflow(flow.id).workflow.phase is Phase.COMPLETED,
        what=f"the good end: {processes.log()}",
    )
    task = shraga.get(flow.task_id("plan"))
    assert (task.attempt, task.question) == (3, None)
    assert task.output is not None
    assert task.output.summary == "one step will do", "the session went on with the person's words"
    assert shraga.workflow(flow.id).workflow.error == ""


def test_the_person_may_give_it_up(processes: Processes, shraga: Shraga) -> None:
    processes.controller()
    processes.worker(shraga)
    flow = shraga.submit_workflow("release", plan={"action": {"type": "shell", "command": "echo no plan"}})
    wait_until(lambda: plan_status(shraga, flow) is TaskStatus.WAITING_FOR_INPUT, what="the question")
    shraga.answer(flow.task_id("plan"), "cancel")
    assert shraga.workflow(flow.id).workflow.phase is Phase.CANCELED
    assert plan_status(shraga, flow) is TaskStatus.CANCELED
