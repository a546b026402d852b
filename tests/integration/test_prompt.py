"""The prompt action against a real server on the loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shraga_models import LogLevel, Message, ModelCall, Prompt, RunStatus, TaskSpec
from shraga_queue.actions import prompt as module
from shraga_queue.actions import run_action
from shraga_queue.actions.secrets import run_secrets
from shraga_queue.briefing import Briefing, Resume
from shraga_queue.channel import Channel
from shraga_queue.context import RunContext
from shraga_queue.conversation import Conversation
from shraga_queue.engine import Outcome
from tests.chat_server import ChatServer, Handler, piece, refused, serving, streamed


class Run:
    """A run that writes down what it says."""

    def __init__(self, home: Path, channel: Channel, briefing: Briefing = Briefing()) -> None:
        self.said: list[str] = []
        self.lines: list[tuple[str, str, str]] = []
        self.sent: list[tuple[str, Any]] = []
        talk = Conversation("r", channel, briefing, lambda kind, body: self.sent.append((kind, body)))
        self.context = RunContext("t", 1, "alice", "n", str(home), self.say, self.write, talk)

    def say(self, progress: float | None, thought: str) -> None:
        self.said.append(thought)

    def write(self, source: str, level: str, message: str, metadata: str) -> None:
        self.lines.append((source, level, message))

    @property
    def calls(self) -> list[ModelCall]:
        return [ModelCall.model_validate(body) for kind, body in self.sent if kind == "spend"]

    @property
    def chat(self) -> list[str]:
        return [body[2] for kind, body in self.sent if kind == "chat"]


class Desk:
    """A configuration with one endpoint, and runs of prompts at it."""

    def __init__(self, folder: Path, server: ChatServer) -> None:
        self.folder, self.server = folder, server
        self.channel, self.other_end = Channel.pair()
        self.waited: list[float] = []
        self.file = folder / "config.toml"
        self.configure()

    def configure(self, name: str = "default", url: str = "", **fields: Any) -> None:
        known = {"model": "m", "prompt_price": 2.0, "response_price": 10.0, "tries": 2} | fields
        lines = [f"url = {json.dumps(url or self.server.url)}"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in known.items()]
        self.file.write_text(f"[endpoints.{name}]\n" + "\n".join(lines))

    def run(self, text: str = "Why?", briefing: Briefing = Briefing(), **fields: Any) -> tuple[Outcome, Run]:
        run = Run(self.folder, self.channel, briefing)
        return run_action(TaskSpec(name="p", action=Prompt(text, **fields)), run.context, ()), run


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with serving() as started:
        yield started


@pytest.fixture
def desk(tmp_path: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("SHRAGA_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setattr(module, "SAY_EVERY", 0.0)
    server.asked.clear()
    server.paths.clear()
    desk = Desk(tmp_path, server)
    monkeypatch.setattr("shraga_queue.actions.prompt.time.sleep", desk.waited.append)
    yield desk
    desk.channel.close()
    desk.other_end.close()
    run_secrets.clear()


def test_the_answer_streams_and_is_the_result(desk: Desk) -> None:
    desk.server.replies = [streamed("Because ", "it\nis", " so.")]
    outcome, run = desk.run(system="Be brief.", temperature=0.5, max_tokens=99)
    assert (outcome.status, outcome.error) == (RunStatus.COMPLETED, "")
    assert outcome.output is not None
    assert outcome.output.summary == outcome.output.result == "Because it\nis so."
    assert json.loads(outcome.result) == "Because it\nis so."
    assert list(dict.fromkeys(run.said)) == ["Because", "is", "is so."]
    assert run.lines == [("thought", LogLevel.INFO, "Because it"), ("thought", LogLevel.INFO, "is so.")]
    assert run.chat == ["Because it\nis so."]
    _, body = desk.server.asked[0]
    assert body == {
        "model": "m", "stream": True, "stream_options": {"include_usage": True}, "temperature": 0.5, "max_tokens": 99,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
    }  # fmt: skip


def test_what_it_cost_is_recorded(desk: Desk) -> None:
    desk.server.replies = [streamed("so")]
    (call,) = desk.run()[1].calls
    assert (call.provider, call.model, call.prompt_tokens, call.response_tokens) == (
        "default",
        "m-2030",
        1000,
        500,
    )
    assert (call.cost, call.is_estimated, call.success) == (0.007, False, True)


def test_tokens_are_guessed_and_marked_where_the_server_does_not_count(desk: Desk) -> None:
    desk.server.replies = [streamed("x" * 41, usage=None)]
    (call,) = desk.run("y" * 80)[1].calls
    assert (call.prompt_tokens, call.response_tokens, call.is_estimated) == (20, 11, True)


def test_a_server_that_knows_no_stream_options_is_asked_without(desk: Desk) -> None:
    desk.server.replies = [
        refused(400, "Unrecognized request argument: stream_options"),
        streamed("so", usage=None),
    ]
    assert desk.run()[0].status is RunStatus.COMPLETED
    assert ["stream_options" in body for _, body in desk.server.asked] == [True, False]


def test_a_server_that_does_not_stream_is_understood(desk: Desk) -> None:
    whole = {
        "choices": [{"message": {"content": "at once"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    desk.server.replies = [lambda handler: handler.answer(200, json.dumps(whole, indent=1))]
    outcome, run = desk.run()
    assert outcome.output is not None
    assert outcome.output.result == "at once"
    assert run.calls[0].prompt_tokens == 3


def test_a_key_is_sent_as_it_is_wanted_and_masked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_KEY", "sk-secret-1")
    desk.server.replies = [streamed("my key is sk-secret-1")]
    desk.configure(key="${env:CHAT_KEY}")
    outcome, _ = desk.run()
    assert desk.server.asked[-1][0]["authorization"] == "Bearer sk-secret-1"
    assert outcome.output is not None
    assert outcome.output.summary == "my key is ••••••"
    desk.configure("azure", key="${env:CHAT_KEY}", header="api-key", api_version="2030-01-01")
    desk.run(endpoint="azure")
    assert desk.server.asked[-1][0]["api-key"] == "sk-secret-1"
    assert "authorization" not in desk.server.asked[-1][0]
    assert desk.server.paths[-1] == "/v1/chat/completions?api-version=2030-01-01"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            refused(401, "Incorrect API key provided."),
            "refuses the key (401: Incorrect API key provided): check `key`",
        ),
        (refused(403, "no"), "refuses the key (403: no): check `key` of [endpoints.default]"),
        (
            refused(404, "model 'm' not found"),
            "has no model 'm', or is not at that address (404: model 'm' not found)",
        ),
        (
            refused(400, "maximum context length is 8192 tokens"),
            "refuses the request (400): maximum context length is",
        ),
        (refused(400, "policy", "content_filter"), "refuses the prompt by its content filter: policy."),
        (streamed("I", finish="content_filter"), "cut the answer off by its content filter."),
        (streamed(piece("", refusal="I cannot help.")), "The model m refuses to answer: I cannot help."),
    ],
)
def test_what_is_refused_fails_at_once_and_says_why(desk: Desk, reply: Any, said: str) -> None:
    desk.server.replies = [reply]
    outcome, _ = desk.run()
    assert (outcome.status, outcome.retry, len(desk.server.asked)) == (RunStatus.FAILED, False, 1)
    assert said in outcome.error
    assert outcome.error.endswith(".") and not outcome.error.endswith("..")


def breaking(handler: Handler) -> None:
    handler.begin()
    handler.event(piece("half "))
    handler.event({"error": {"message": "out of memory."}})


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refused(429, "slow down"), "answered 429: slow down; trying again in"),
        (refused(500, "oops"), "answered 500: oops; trying again in"),
        (lambda handler: handler.answer(503, "<html>", "text/html"), "answered 503: <html>; trying again in"),
        (
            lambda handler: handler.answer(200, "hello"),
            "broke its answer off: the answer is no JSON object: 'hello'",
        ),
        (lambda handler: handler.connection.close(), "cannot be reached: "),
        (lambda handler: handler.answer(200, "{}"), "answered nothing; trying again in"),
        (breaking, "broke its answer off: out of memory; trying again in"),
    ],
)
def test_what_may_pass_is_tried_again(desk: Desk, reply: Any, said: str) -> None:
    desk.server.replies = [reply, streamed("so")]
    outcome, run = desk.run()
    assert outcome.status is RunStatus.COMPLETED, outcome.error
    assert outcome.output is not None
    assert outcome.output.result == "so"
    (line,) = [message for source, _, message in run.lines if source == "system"]
    assert said in line
    desk.server.replies = [reply]
    outcome, _ = desk.run()
    assert (outcome.status, outcome.retry) == (RunStatus.FAILED, True)
    assert outcome.error.endswith(", also at the last of 2 tries.")


def test_half_an_answer_is_paid_for(desk: Desk) -> None:
    desk.server.replies = [breaking, streamed("so")]
    bad, good = desk.run()[1].calls
    assert (bad.success, bad.is_estimated, bad.response_tokens) == (False, True, 2)
    assert bad.error == "The endpoint default broke its answer off: out of memory"
    assert good.success


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "Tue, 01 Jan 2030 00:00:09 GMT", "Date": "Tue, 01 Jan 2030 00:00:00 GMT"}, None),
    ],
)
def test_the_server_says_how_long_to_wait(desk: Desk, headers: dict[str, str], wait: float | None) -> None:
    desk.server.replies = [refused(429, "slow down", **headers), streamed("so")]
    assert desk.run()[0].status is RunStatus.COMPLETED
    (waited,) = desk.waited
    assert waited == wait if wait is not None else waited >= 0


def test_a_wait_that_is_too_long_is_left_to_the_task_s_own_retries(desk: Desk) -> None:
    desk.server.replies = [refused(429, "slow down", Retry_After="3600")]
    outcome, _ = desk.run()
    assert (outcome.retry, len(desk.server.asked)) == (True, 1)
    assert outcome.error == (
        "The endpoint default answered 429: slow down, and wants 1h to pass before the next try."
    )


def test_a_server_that_falls_silent_is_given_up(desk: Desk) -> None:
    def silent(handler: Handler) -> None:
        handler.begin()
        handler.event(piece("well"))
        handler.server.gate.wait(30)

    desk.configure(idle_timeout=0.2, tries=1)
    desk.server.replies = [silent]
    outcome, run = desk.run()
    desk.server.gate.set()
    desk.server.gate.clear()
    assert outcome.error == "The endpoint default said nothing for 0.2 s, also at the last of 1 tries."
    assert [call.success for call in run.calls] == [False]


def test_nobody_there(desk: Desk) -> None:
    desk.configure(url="http://127.0.0.1:9/v1", tries=1)
    outcome, run = desk.run()
    assert outcome.error.startswith("The endpoint default cannot be reached: ")
    assert (outcome.retry, run.calls) == (True, [])


@pytest.mark.parametrize(
    ("config", "fields", "said"),
    [
        ("", {}, "has no [endpoints.default]; it has no endpoints: add it."),
        ("[endpoints.a]\nurl='http://x'", {}, "has no [endpoints.default]; it has a: add it."),
        ("[endpoints.default]\nmodel='m'", {}, "url of [endpoints.default] in"),
        ("[endpoints.default]\nurl='x'", {}, "'x' is no HTTP address: write http://host:port/v1"),
        ("[endpoints.default]\nurl='http://x'\ncolour='red'", {}, "colour of [endpoints.default]"),
        (
            "[endpoints.default]\nurl='http://x'",
            {},
            "action.model: name a model, or give [endpoints.default] a",
        ),
        ("[endpoints.default]\nurl='http://x'\nkey='${env:NONE}'", {}, "has no environment variable NONE"),
        (
            "[endpoints.default]\nurl='http://x'\nmodel='m'",
            {"prompt": "${env:NONE}"},
            "has no environment variable",
        ),
    ],
)
def test_a_configuration_that_does_not_do(desk: Desk, config: str, fields: dict[str, Any], said: str) -> None:
    desk.file.write_text(config)
    run = Run(desk.folder, desk.channel)
    asked = TaskSpec(name="p", action=Prompt(**{"prompt": "Why?"} | fields))
    outcome = run_action(asked, run.context, ())
    assert (outcome.status, outcome.retry) == (RunStatus.FAILED, False)
    assert said in outcome.error


def test_a_cut_answer_is_told(desk: Desk) -> None:
    desk.server.replies = [streamed("and so", finish="length")]
    outcome, run = desk.run()
    assert outcome.status is RunStatus.COMPLETED
    assert ("system", "warning", "The answer is cut: it reached the most tokens allowed.") in run.lines


def test_a_very_long_answer_goes_to_a_file(desk: Desk) -> None:
    desk.server.replies = [streamed("word " * 30_000)]
    outcome, run = desk.run()
    assert outcome.output is not None
    assert outcome.output.deliverables == ("answer.md",)
    assert (run.context.folder / "answer.md").stat().st_size == 150_000
    assert len(outcome.output.summary) == 2000
    assert len(outcome.result) < 100_000
    assert all(len(message) <= 16_384 for _, _, message in run.lines)


def test_work_sent_back_goes_on_from_what_was_said(desk: Desk) -> None:
    desk.server.replies = [streamed("shorter")]
    said = {"at": "2030-01-01T00:00:00Z", "task_id": "t", "sender": "x"}
    chat = [
        Message(id="1", text="long", sender_type="assistant", **said),
        Message(id="2", text="a status", sender_type="system", **said),
        Message(id="3", text="be brief", sender_type="user", **said),
    ]
    desk.run(briefing=Briefing(Resume(1, None, "be brief"), tuple(chat)))
    assert desk.server.asked[0][1]["messages"] == [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "long"},
        {"role": "user", "content": "be brief"},
    ]
