"""A planned workflow on three capabilities, with a step that fails, and with kills in the middle."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Phase, Workflow
from shraga_queue.client import Shraga
from shraga_tui.cli.app import run
from tests.processes import Processes
from tests.waiting import wait_until

CAPABILITIES = ("code", "test", "docs")


def shell(command: str, **fields: Any) -> dict[str, Any]:
    return {"action": {"type": "shell", "command": command} | fields.pop("action", {})} | fields


def planned(gate: Path) -> list[dict[str, Any]]:
    """Six steps on three capabilities; `prove` succeeds once there is a file, `write` waits for another."""
    return [
        shell('echo "{\\"version\\": 7}" > $SHRAGA_RESULT', name="build", capability="code"),
        shell("echo lint", name="lint", capability="test", after=["build"]),
        shell(
            f'test -e {gate}/fixed && echo "proved $VERSION"',
            name="prove",
            capability="test",
            after=["build"],
            action={"env": {"VERSION": "${steps.build.output.version}"}},
        ),
        shell(
            f"echo $$ > {gate}/writing; while ! test -e {gate}/go; do sleep 0.05; done; echo wrote",
            name="write",
            capability="docs",
            after=["build"],
        ),
        shell(
            'printf %s "$SAID" > $SHRAGA_RESULT',
            name="join",
            capability="code",
            after=["lint", "prove", "write"],
            action={"env": {"SAID": "${steps.prove.output} and ${steps.write.output} of ${workflow.title}"}},
        ),
        {
            "name": "tell",
            "action": {
                "type": "python",
                "callable": "tests.jobs:add",
                "args": {"a": "${steps.build.output.version}", "b": 1},
            },
        },
    ]


def statuses(shraga: Shraga, workflow: Workflow) -> dict[str, str]:
    return {step.name: step.status for step in shraga.workflow(workflow.id).steps}


def phase(shraga: Shraga, workflow: Workflow) -> Phase:
    return shraga.workflow(workflow.id).workflow.phase


@pytest.fixture
def crew(processes: Processes, shraga: Shraga) -> Processes:
    for capability in CAPABILITIES:
        processes.worker(shraga, capability, 1, f"--capability={capability}")
    return processes


def made_by_a_function(plan: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "python", "callable": "tests.jobs:echo", "args": {"value": plan}}


def made_by_an_agent(plan: list[dict[str, Any]]) -> dict[str, Any]:
    script = [{"say": "Six steps will do."}, {"finish": json.dumps(plan)}]
    return {"type": "agent", "agent": "scripted", "prompt": json.dumps(script)}


def reasons(shraga: Shraga, flow: Workflow, step: str) -> list[tuple[str, str]]:
    return [(reason.code, reason.says) for reason in shraga.why(flow.task_id(step)).reasons]


@pytest.mark.parametrize("made_by", [made_by_a_function, made_by_an_agent])
def test_a_planned_workflow_ends_well_in_spite_of_a_failure_and_of_kills(
    crew: Processes,
    shraga: Shraga,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    made_by: Callable[[Any], dict[str, Any]],
) -> None:
    controller = crew.controller()
    flow = shraga.submit_workflow(
        "release",
        workspace=str(tmp_path),
        context={"who": "Ada"},
        enrich=shell('echo "{\\"day\\": \\"monday\\"}" > $SHRAGA_RESULT', capability="code"),
        plan={
            "action": made_by(planned(tmp_path)),
            "capability": "code",
        },
    )
    wait_until(lambda: (tmp_path / "writing").exists(), 20, what=f"the write step: {crew.log()}")
    assert shraga.workflow(flow.id).workflow.context == {"who": "Ada", "day": "monday"}
    wait_until(lambda: statuses(shraga, flow)["prove"] == "failed", 20, what="the failure")
    assert statuses(shraga, flow)["join"] == "skipped"
    assert [code for code, _ in reasons(shraga, flow, "write")] == ["running"]
    (ended,) = reasons(shraga, flow, "join")
    assert ended[0] == "ended" and "prove" in ended[1]

    controller.kill()
    controller.wait()
    writer = next(one for one in crew.started if "--name=docs" in one.args)  # type: ignore[operator]
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    (tmp_path / "writing").unlink()
    crew.controller()
    crew.worker(shraga, "docs2", 1, "--capability=docs")
    wait_until(lambda: (tmp_path / "writing").exists(), 40, what=f"the second try: {crew.log()}")
    (tmp_path / "go").touch()
    wait_until(lambda: phase(shraga, flow) is Phase.FAILED, 20, what="the end of the rest")

    capsys.readouterr()
    assert run([*place(shraga), "workflow", "show", flow.id]) == 0
    tree = [line.split("\t")[:3] for line in capsys.readouterr().out.splitlines() if "\t" in line]
    assert tree == [
        ["enrich", "done", ""],
        ["plan", "done", ""],
        ["build", "done", ""],
        ["lint", "done", "build"],
        ["prove", "failed", "build"],
        ["write", "done", "build"],
        ["join", "skipped", "lint,prove,write"],
        ["tell", "skipped", "join"],
    ]
    (tmp_path / "fixed").touch()
    assert run([*place(shraga), "workflow", "retry", flow.id, "--from", "prove", "--json"]) == 0
    wait_until(lambda: phase(shraga, flow) is Phase.COMPLETED, 20, what=f"the good end: {crew.log()}")
    assert set(statuses(shraga, flow).values()) == {"completed"}
    joined = shraga.get(flow.task_id("join")).output
    assert joined is not None
    assert joined.result == "proved 7 and wrote of release"
    told = shraga.get(flow.task_id("tell")).output
    assert told is not None
    assert told.result == 8
    assert [run.attempt for run in shraga.runs(flow.task_id("build"))] == [1]
    assert [run.status for run in shraga.runs(flow.task_id("write"))] == ["lost", "completed"]
    assert [run.status for run in shraga.runs(flow.task_id("prove"))] == ["failed", "completed"]


def place(shraga: Shraga) -> list[str]:
    return ["--url", shraga.settings.redis_url or "", "--prefix", shraga.settings.prefix]


def test_what_is_not_there_to_take_over_fails_the_step(crew: Processes, shraga: Shraga) -> None:
    crew.controller()
    flow = shraga.submit_workflow(
        "t",
        steps=[
            shell("true", name="a", capability="code"),
            shell("echo ${steps.a.output.version}", name="b", capability="code"),
        ],
    )
    wait_until(
        lambda: phase(shraga, flow) is Phase.FAILED,
        20,
        what=f"the failure: {statuses(shraga, flow)} {crew.log()}",
    )
    assert "${steps.a.output.version}: there is no 'version' in it" in shraga.get(flow.task_id("b")).error
