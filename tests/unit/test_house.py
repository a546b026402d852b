"""The house: what may be loaded where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(code: str) -> str:
    """Return what a program says that is run from the repository's root."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def loaded(modules: tuple[str, ...], watched: tuple[str, ...]) -> str:
    """Return which of the watched packages are loaded once the modules are."""
    imports = "\n".join(f"import {module}" for module in modules)
    return run(f"import sys\n{imports}\nprint(*[name for name in {watched!r} if name in sys.modules])")


def test_queue_is_the_standard_library_s_from_the_repository_root() -> None:
    assert Path(run("import queue; print(queue.__file__)")).is_relative_to(Path(sys.base_prefix))


@pytest.mark.parametrize("folder", ["queue", "models"])
def test_plain_folders_are_no_packages(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


def test_a_worker_s_processes_never_load_what_draws() -> None:
    parts = ("slot", "pool", "part", "controller", "horse", "janitor")
    modules = tuple(f"shraga_queue.{part}" for part in parts)
    assert loaded(modules, ("textual", "typer", "shraga_tui")) == ""


def test_models_load_neither_redis_nor_rq() -> None:
    heavy = ("redis", "rq", "textual", "httpx", "psutil", "typer", "shraga_queue")
    assert (
        run(
            "import sys, shraga_models; shraga_models.load_all()\n"
            f"print(*[name for name in {heavy!r} if name in sys.modules])"
        )
        == ""
    )


RECORDS = (
    "actions agent dependency document event evidence foreign lifecycle limits message model_call question review run "
    "schedule spend task template user webhook worker workflow"
)


def test_a_client_loads_no_records_before_one_is_asked_for() -> None:
    modules = tuple(f"shraga_models.{name}" for name in RECORDS.split())
    assert loaded(("shraga_queue", "shraga_queue.client"), modules) == ""


def test_all_records_can_be_loaded_at_once() -> None:
    modules = {f"shraga_models.{name}" for name in RECORDS.split()}
    code = f"import sys, shraga_models; shraga_models.load_all(); print(*{modules!r} - sys.modules.keys())"
    assert run(code) == ""


def test_a_submitter_loads_no_rq() -> None:
    assert loaded(("shraga_queue.client", "shraga_queue.aclient"), ("rq", "textual", "typer")) == ""


def test_a_task_that_only_logs_loads_no_client() -> None:
    assert run("import sys\nfrom shraga_queue import log\nprint('redis' in sys.modules)") == "False"
