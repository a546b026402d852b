"""Tasks that ask a person: their slot is free meanwhile, and the answer brings them back to where they were."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from shraga_models import NewTask, Permission, Python, RunStatus, Shell, Task, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.errors import Refused
from tests.processes import Processes
from tests.waiting import wait_until

WAITING = TaskStatus.WAITING_FOR_INPUT


@pytest.fixture
def worker(processes: Processes, shraga: Shraga) -> Processes:
    processes.worker(shraga, slots=1)
    return processes


def ask_job(shraga: Shraga, note: Path) -> Task:
    task = shraga.submit("ask", Python("tests.jobs:ask_and_note", args={"path": str(note)}))
    wait_until(lambda: shraga.get(task.id).question is not None, what="the question")
    return shraga.get(task.id)


def is_waiting(shraga: Shraga, task_id: str) -> bool:
    return shraga.get(task_id).status is WAITING


def test_a_quick_answer_is_given_to_the_run_that_asked(
    worker: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    task = ask_job(shraga, tmp_path / "note")
    assert task.status is TaskStatus.RUNNING
    shraga.answer(task.id, "LEFT")
    done = shraga.wait(task.id, 30)
    assert (done.status, done.attempt, done.question) == (TaskStatus.COMPLETED, 1, None)
    assert (tmp_path / "note").read_text() == "begin\nleft\n"


def test_a_waiting_task_holds_no_slot_and_the_answer_resumes_it(
    worker: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    task = ask_job(shraga, tmp_path / "note")
    wait_until(lambda: is_waiting(shraga, task.id), timeout=15, what="the run to be suspended")
    other = shraga.wait(shraga.submit("another", Shell("true")).id, 10)
    assert other.status is TaskStatus.COMPLETED
    assert shraga.answer(task.id, "2") == [task.id]
    done = shraga.wait(task.id, 30)
    assert done.output is not None
    assert (done.status, done.output.result) == (TaskStatus.COMPLETED, "right")
    assert (tmp_path / "note").read_text() == "begin\nbegin\nright\n"
    runs = shraga.runs(task.id)
    assert [(run.status, run.triggered_by) for run in runs] == [
        (RunStatus.SUSPENDED, "manual"),
        (RunStatus.COMPLETED, "resume"),
    ]


def test_it_survives_the_worker_and_the_controller(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    first = processes.worker(shraga, slots=1)
    task = ask_job(shraga, tmp_path / "note")
    wait_until(lambda: is_waiting(shraga, task.id), timeout=15, what="the run to be suspended")
    first.send_signal(signal.SIGKILL)
    first.wait()
    shraga.answer(task.id, "left")
    # The slot may be given the answered task in the moment of its death, and is found dead by a controller then.
    processes.controller()
    processes.worker(shraga, "w2", slots=1)
    assert shraga.wait(task.id, 30).status is TaskStatus.COMPLETED
    assert (tmp_path / "note").read_text() == "begin\nbegin\nleft\n"


def test_a_worker_killed_while_its_task_asks_leaves_one_question(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    processes.controller()
    first = processes.worker(shraga, slots=1)
    task = ask_job(shraga, tmp_path / "note")
    first.send_signal(signal.SIGKILL)
    first.wait()
    processes.worker(shraga, "w2", slots=1)
    wait_until(lambda: is_waiting(shraga, task.id), timeout=30, what="the next try to be suspended")
    assert [one.id for one in shraga.questions()] == [f"{task.id}.q1"]
    shraga.answer(f"{task.id}.q1", "left")
    assert shraga.wait(task.id, 30).status is TaskStatus.COMPLETED


def test_a_shell_command_asks_and_goes_on_in_its_folder(worker: Processes, shraga: Shraga) -> None:
    script = (
        "echo run >> runs; shraga note 'thinking hard' --progress 0.3; "
        "way=$(shraga ask 'Which way?' --option left --option right); echo \"went $way\"; cat runs"
    )
    task = shraga.submit("shell", Shell(script))
    wait_until(lambda: is_waiting(shraga, task.id), timeout=20, what="the command to be suspended")
    waiting = shraga.get(task.id)
    assert waiting.question is not None
    assert waiting.question.options == ("left", "right")
    shraga.answer(task.id, "right")
    done = shraga.wait(task.id, 20)
    assert (done.status, done.attempt, done.thought) == (TaskStatus.COMPLETED, 2, "thinking hard")
    said = [line.message for line in shraga.logs(task.id) if line.source == "stdout"]
    assert said == ["went right", "run", "run"]


def test_a_canceled_question_ends_the_task(worker: Processes, shraga: Shraga, tmp_path: Path) -> None:
    task = ask_job(shraga, tmp_path / "note")
    wait_until(lambda: is_waiting(shraga, task.id), timeout=15, what="the run to be suspended")
    assert shraga.cancel(task.id).status is TaskStatus.CANCELED
    assert shraga.questions() == []
    with pytest.raises(Refused, match="asks nothing"):
        shraga.answer(task.id, "left")


def test_a_run_asks_in_its_main_thread_only(worker: Processes, shraga: Shraga) -> None:
    done = shraga.wait(shraga.submit("thread", Python("tests.jobs:ask_from_a_thread")).id, 10)
    assert done.output is not None
    assert "main thread" in done.output.result


def test_a_supervised_result_is_sent_back_and_goes_on_in_its_folder(
    worker: Processes, shraga: Shraga
) -> None:
    new = NewTask(name="s", action=Shell("echo x >> work; wc -l < work"), permission=Permission.SUPERVISED)
    task = shraga.submit_task(new)
    wait_until(lambda: shraga.get(task.id).awaits_verdict, what="the result")
    again = shraga.review(task.id, "send_back", "once more")
    assert again.attempt == 2
    assert again.review is not None
    assert again.review.is_stale
    wait_until(lambda: shraga.get(task.id).awaits_verdict, what="the second result")
    assert [line.message.strip() for line in shraga.logs(task.id)] == ["2"]
    with pytest.raises(Refused, match="work went on"):
        shraga.review(task.id, "accept", attempt=1)
    done = shraga.review(task.id, "accept", "good")
    assert done.status is TaskStatus.COMPLETED
    assert done.review is not None
    assert (done.review.decision, done.review.is_stale) == ("accepted", False)
    assert [one.text for one in shraga.chat(task.id)] == ["once more"]
