from __future__ import annotations

import json

import pytest

from shraga_models import Shell, TemplateRef
from shraga_queue.aclient import AsyncShraga
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_tui.cli.app import run

TEMPLATE = """\
name: greet
parameters: {who: {}}
task:
  name: Greet ${who}
  action: {type: shell, command: 'echo hello "$WHO"', env: {WHO: "${who}"}}
"""


@pytest.fixture
def written(settings: Settings) -> str:
    settings.template_folder.mkdir(parents=True)
    (settings.template_folder / "greet.yaml").write_text(TEMPLATE)
    return "greet"


def test_the_task_remembers_its_template(shraga: Shraga, written: str) -> None:
    task = shraga.run_template(written, {"who": "Ada"})
    stored = shraga.get(task.id)
    assert stored == task
    assert stored.action == Shell('echo hello "$WHO"', env={"WHO": "Ada"})
    assert stored.template is not None
    assert stored.template.name == "greet"
    assert stored.template.revision.startswith("sha256:")


async def test_the_async_client_runs_one_too(settings: Settings, written: str) -> None:
    async with AsyncShraga.connect(settings=settings) as shraga:
        task = await shraga.run_template(written, {"who": "Ada"})
        assert (await shraga.get(task.id)).template == task.template


def test_the_command_runs_one(
    settings: Settings,
    shraga: Shraga,
    written: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SHRAGA_TEMPLATES", str(settings.template_folder))
    place = ["--url", settings.redis_url or "", "--prefix", settings.prefix]
    assert run([*place, "template", "run", written, "--set", "who=a=b", "--json"]) == 0
    task = json.loads(capsys.readouterr().out)
    assert task["name"] == "Greet a=b"
    assert shraga.get(task["id"]).template == TemplateRef.model_validate(task["template"])
    assert run([*place, "template", "run", written, "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["field"] == "who"
