"""Artifacts: what a run may hand over, and what is said of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import shraga_queue
from shraga_models import Artifact, Evidence, ExecutionDetails, RunStatus, TaskOutput, TaskStatus
from shraga_queue import context as module
from shraga_queue.artifacts import artifacts_of, with_artifacts
from shraga_queue.briefing import Briefing
from shraga_queue.channel import Channel
from shraga_queue.context import RunContext
from shraga_queue.conversation import Conversation
from shraga_queue.engine import Outcome
from shraga_queue.errors import InvalidInput, Refused
from tests.fakes import make_task


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunContext]:
    ends = Channel.pair()
    talk = Conversation("t.1", ends[0], Briefing(), lambda kind, body: None)
    yield RunContext("t", 1, "ann", "n", str(tmp_path), lambda *_: None, lambda *_: None, talk)
    for end in ends:
        end.close()


def write(run: RunContext, name: str) -> Path:
    path = run.make_folder() / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    return path


def test_file_is_handed_over_once_by_its_name_in_the_folder(run: RunContext) -> None:
    path = write(run, "out/report.txt")
    assert run.artifact("out/report.txt") == run.artifact(path) == run.artifact(str(path)) == path.resolve()
    assert run.artifacts == ["out/report.txt"]


def test_what_is_no_file_of_the_folder_is_refused(run: RunContext, tmp_path: Path) -> None:
    folder = run.make_folder()
    secret = tmp_path / "secret"
    secret.write_text("x")
    (folder / "link").symlink_to(secret)
    for path in ("nothing", "../../../secret", str(secret), "link", "."):
        with pytest.raises(InvalidInput, match="is no file of the execution folder"):
            run.artifact(path)
    assert run.artifacts == []


def test_run_hands_over_only_so_many(run: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ARTIFACTS", 1)
    write(run, "a")
    write(run, "b")
    run.artifact("a")
    with pytest.raises(Refused, match="1 files at most"):
        run.artifact("b")


def test_outside_of_a_run_there_is_nobody_to_hand_over_to() -> None:
    with pytest.raises(Refused, match="There is no run"):
        shraga_queue.artifact("x")


def test_outcome_names_what_was_handed_over_after_its_own(run: RunContext) -> None:
    own = Outcome(RunStatus.COMPLETED, output=TaskOutput(summary="s", deliverables=("a", "b")))
    assert with_artifacts(own, run) is own
    write(run, "b")
    write(run, "c")
    run.artifact("b")
    run.artifact("c")
    outcome = with_artifacts(own, run)
    assert outcome.output == TaskOutput(summary="s", deliverables=("a", "b", "c"))
    assert outcome.execution == ExecutionDetails(execution_folder=str(run.folder))


def rows(task: Any) -> list[tuple[Any, ...]]:
    return [(row.name, row.address, row.size, row.media_type, row.is_here) for row in artifacts_of(task)]


def test_rows_tell_what_was_measured_and_where_it_is(run: RunContext) -> None:
    path = write(run, "a.txt")
    measured = Artifact(name="a.txt", address=str(path), size=1, sha256="ab" * 32)
    output = TaskOutput(
        deliverables=("a.txt", "gone.pdf", "https://example.org/pr/1"),
        evidence=Evidence(artifacts=(measured,)),
    )
    where = ExecutionDetails(execution_folder=str(run.folder))
    task = make_task("t", "n", TaskStatus.COMPLETED, output=output, execution_details=where)
    assert rows(task) == [
        ("a.txt", str(path), 1, "text/plain", True),
        ("gone.pdf", str(run.folder / "gone.pdf"), None, "application/pdf", False),
        ("https://example.org/pr/1", "https://example.org/pr/1", None, "", False),
    ]
    assert {row.run_id for row in artifacts_of(task)} == {"t.1"}
    assert artifacts_of(task)[0].sha256 == "ab" * 32


def test_task_without_output_has_none() -> None:
    assert artifacts_of(make_task("t", "n", TaskStatus.RUNNING)) == []
    assert rows(make_task("t", "n", TaskStatus.COMPLETED, output=TaskOutput(deliverables=("a\0b",)))) == [
        ("a\0b", "a\0b", None, "", False)
    ]
