"""Runs are given the documents their tasks ask for, and hand over files, on real workers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from shraga_models import Python, Shell, TaskStatus
from shraga_queue.artifacts import artifacts_of
from shraga_queue.client import Shraga
from tests.processes import Processes


def test_python_task_reads_its_documents_and_hands_over_a_file(processes: Processes, shraga: Shraga) -> None:
    processes.worker(shraga)
    named = shraga.documents.add(title="Named", content="one")
    shraga.documents.add(title="Tagged", content="two", tags=["x"], repository_url="https://h/r")
    action = Python("tests.jobs:hand_over", args={"text": "hello"})
    asked: dict[str, Any] = {
        "documents": (named.id,),
        "document_tags": ("x",),
        "repository_url": "git@h:r.git",
    }
    done = shraga.wait(shraga.submit("hand over", action, **asked).id, 20)
    assert done.output is not None
    assert (done.status, done.output.result) == (TaskStatus.COMPLETED, ["Named: one", "Tagged: two"])
    (row,) = artifacts_of(done)
    assert (row.name, row.is_here, Path(row.address).read_text()) == ("report.txt", True, "hello")
    # The next run of the same process is given nothing of that.
    plain = shraga.wait(shraga.submit("add", Python("tests.jobs:add", args={"a": 1, "b": 2})).id, 20)
    assert artifacts_of(plain) == []


def test_shell_task_hands_over_a_file(processes: Processes, shraga: Shraga) -> None:
    processes.worker(shraga)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = "mkdir out; echo hi > out/a.txt; cd out; shraga artifact a.txt && ! shraga artifact /etc/passwd"
    done = shraga.wait(shraga.submit("shell", Shell(script, env={"PATH": path})).id, 20)
    assert done.status is TaskStatus.COMPLETED
    assert [row.name for row in artifacts_of(done)] == ["out/a.txt"]
