"""The dashboard over a store in memory: what operators press, and what comes of it."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from shraga_models import Agent, Brake, Http, NewTask, Prompt, Shell, TaskStatus, Template, WorkerMode
from shraga_queue.codec import TaskWithRuns
from shraga_queue.errors import Unreadable
from shraga_tui.app import ShragaApp
from shraga_tui.preferences import Preferences
from tests.fakes import AWAY, NOW, FakeSource, busy_source, make_event, make_row
from tests.tui import dashboard, expect_shown, screen_text, toasts, until

WIDE, NARROW = (160, 48), (80, 24)


def submitted(source: FakeSource) -> NewTask:
    """Return the task that was submitted."""
    new = next(call[1] for call in source.calls if call[0] == "submit")
    assert isinstance(new, NewTask)
    return new


def acts(source: FakeSource) -> list[str]:
    """Return what was asked of the store, reading aside."""
    return [call[0] for call in source.calls if call[0] != "board"]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_first_screen_answers_what_waits_what_runs_what_broke(size: tuple[int, int]) -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=size) as pilot:
        await expect_shown(pilot, "Fix login")
        shown = screen_text(app)
        for text in ("Which of", "Refactor billing", "71%", "Import Dataverse", "exit 137", "asked to stop"):
            assert text in shown
        assert app.focused is not None
        assert app.focused.id == "column-waiting"


async def test_an_empty_board_says_what_to_press_and_which_command_to_run() -> None:
    app = dashboard(FakeSource())
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Nothing waits on you.")
        await expect_shown(pilot, "Press n to submit a task.")
        await expect_shown(pilot, "start one with `shraga worker`")


async def test_a_missing_controller_is_told_with_the_command_to_run() -> None:
    source = busy_source()
    source.has_leader = False
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "start one with `shraga controller`")
        assert "No controller" in screen_text(app)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_brake_on_everything_and_what_lifts_it_is_told_on_every_screen(size: tuple[int, int]) -> None:
    source = busy_source()
    source.brakes = (Brake(by="bob", at=NOW, reason="models cost far too much tonight"),)
    app = dashboard(source)
    async with app.run_test(size=size) as pilot:
        for key in "12345670":
            await pilot.press(key)
            await expect_shown(pilot, "⚠ Braked by bob: no task starts until `shraga brake off`: models cost")
            assert "models cost far too…" in screen_text(app) or size == WIDE


async def test_the_user_s_name_takes_no_key_from_the_footer() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "q quit ")
        assert screen_text(app).endswith(" alice")


async def test_an_event_moves_a_card_without_any_key() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "running  3")
        source.move("t-run", TaskStatus.COMPLETED)
        await expect_shown(pilot, "running  2")
        assert "done  13" in screen_text(app)


async def test_typing_a_command_and_enter_submits_and_highlights_the_new_card() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("n", *"ls", "space", *"/tmp", "enter")
        await until(pilot, lambda: "submit" in acts(source), "the submit")
        assert submitted(source).action == Shell("ls /tmp")
        assert submitted(source).name == "ls /tmp"
        await until(pilot, lambda: app.focused is not None and app.focused.id == "column-queued", "the focus")
        await expect_shown(pilot, "▌ ls /tmp")
        assert any("Submitted “ls /tmp” as new-" in said for said in toasts(app))


async def test_the_cursor_follows_what_was_submitted_until_it_is_moved() -> None:
    source = busy_source()
    app = dashboard(source)

    def focus() -> str | None:
        return app.focused.id if app.focused else None

    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("n", *"ls", "enter")
        await until(pilot, lambda: focus() == "column-queued", "the card in its first column")
        task_id = next(row.id for row in source.rows if row.name == "ls")
        source.move(task_id, TaskStatus.RUNNING)
        await until(pilot, lambda: focus() == "column-running", "the cursor to follow")
        await expect_shown(pilot, "▌ ls")
        await pilot.press("h")
        await until(pilot, lambda: focus() == "column-queued", "the operator's move")
        source.move(task_id, TaskStatus.COMPLETED)
        await expect_shown(pilot, "done  13")
        assert focus() == "column-queued"


async def test_a_wrong_field_is_named_and_gets_the_focus() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("n", *"ls")
        app.screen.query_one("#timeout", Input).value = "soon"
        await pilot.press("enter")
        await expect_shown(pilot, "is no duration")
        assert app.focused is not None
        assert app.focused.id == "timeout"
        assert "submit" not in acts(source)


async def test_the_form_submits_a_web_request() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("n", "up", "right", "tab", *"https://example.org/x", "tab", "right", "enter")
        await until(pilot, lambda: "submit" in acts(source), "the submit")
        assert submitted(source).action == Http("https://example.org/x", method="POST")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_form_gives_a_task_to_an_agent(size: tuple[int, int]) -> None:
    source = busy_source()
    app = ShragaApp(source, user="alice", label="test", preferences=Preferences(agents=("aider", "default")))
    async with app.run_test(size=size) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("n", "up", "right", "right", "right")
        await expect_shown(pilot, "Agent        default")
        assert "Retries" in screen_text(app)
        assert "Endpoint" not in screen_text(app)
        await pilot.press("enter")
        await expect_shown(pilot, "✗ Prompt: it is empty: say what the agent is to do")
        await pilot.press(*"tidy", "up", "end", "space", "x", "enter")
        await expect_shown(pilot, "✗ Agent: ")
        await pilot.press("backspace", "backspace", "down", "down", *"app.git", "enter")
        await until(pilot, lambda: "submit" in acts(source), "the submit")
        assert submitted(source).action == Agent("tidy", agent="default")
        assert submitted(source).repository_url == "app.git"


async def test_the_form_asks_a_model_with_a_pasted_text() -> None:
    source = busy_source()
    app = ShragaApp(source, user="alice", label="test", preferences=Preferences(endpoints=("local",)))
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("n", "up", "left", "left")
        await expect_shown(pilot, "Endpoint     local")
        await pilot.press("tab", "tab")
        app.post_message(events.Paste("What is\n six times seven?\n"))
        await expect_shown(pilot, "What is six times seven?")
        await pilot.press("enter")
        await until(pilot, lambda: "submit" in acts(source), "the submit")
        assert submitted(source).action == Prompt("What is six times seven?", endpoint="local")


async def test_a_store_that_is_away_keeps_the_form_and_says_so() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("n", *"ls")
        source.away = AWAY
        await pilot.press("enter")
        await expect_shown(pilot, "✗ Nothing listens")
        assert app.screen.query_one("#command", Input).value == "ls"
        assert not any("Submitted" in said for said in toasts(app))


async def test_canceling_asks_first_and_tells_only_what_is_confirmed() -> None:
    source = busy_source()
    source.cancel_ends.clear()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("c")
        await expect_shown(pilot, "Cancel this task?")
        assert "cancel" not in acts(source)
        await pilot.press("y")
        await until(pilot, lambda: "cancel" in acts(source), "the request")
        await pilot.pause()
        assert toasts(app) == []
        source.cancel_ends.set()
        await until(pilot, lambda: toasts(app), "the outcome")
        assert toasts(app) == ["“Fix login redirect” is canceled: confirmed."]


@pytest.mark.parametrize("key", ["n", "escape", "enter"])
async def test_no_is_the_answer_unless_yes_is_chosen(key: str) -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("c")
        await expect_shown(pilot, "Cancel this task?")
        await pilot.press(key)
        await until(pilot, lambda: "Cancel this task?" not in screen_text(app), "the dialog to close")
        assert acts(source) == []


async def test_a_refusal_is_shown_in_the_store_s_own_words() -> None:
    source = busy_source()
    source.refuses = "The task t-ask was asked to stop but is still running; look again later."
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("c")
        await expect_shown(pilot, "Cancel this task?")
        await pilot.press("y")
        await until(pilot, lambda: toasts(app), "the outcome")
        assert toasts(app) == [source.refuses]


async def test_retrying_a_failed_task_queues_it_again() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("r")
        assert acts(source) == []
        await pilot.press("h", "r")
        await until(pilot, lambda: toasts(app), "the outcome")
        assert toasts(app) == ["“Import Dataverse” is queued again, as try 2."]


async def test_mine_shows_only_the_user_s_own_tasks() -> None:
    source = busy_source()
    source.add(make_row("t-bob", "Task of Bob", TaskStatus.RUNNING, owner="bob"))
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Task of Bob")
        await pilot.press("m")
        await until(pilot, lambda: "Task of Bob" not in screen_text(app), "the filter")
        assert "Refactor billing" in screen_text(app)


async def test_a_narrow_board_brings_the_other_columns_into_view() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        assert "Retrain ranking" not in screen_text(app)
        await pilot.press("l")
        await expect_shown(pilot, "Retrain ranking")
        await pilot.press("l", "l")
        await expect_shown(pilot, "Docs for webhook")
        assert "✗ failed" in screen_text(app)


async def test_enter_opens_the_task_with_its_live_log_and_esc_goes_back() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("tab", "tab", "enter")
        await expect_shown(pilot, "214 tests pass, 2 to go")
        assert "RUNNING  Refactor billing" in screen_text(app)
        source.logs["t-run", 1].append(source.logs["t-run", 1][0].model_copy(update={"message": "all green"}))
        await expect_shown(pilot, "all green")
        await pilot.press("escape")
        await expect_shown(pilot, "waiting on you")


async def test_the_tabs_of_a_task_show_its_runs_and_its_record() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("h", "enter")
        await expect_shown(pilot, "try 3 of 3")
        await pilot.press("left_square_bracket")
        await expect_shown(pilot, "log of try 2")
        await pilot.press("tab", "tab", "tab")
        await expect_shown(pilot, "retry: connection reset by peer")
        await pilot.press("tab")
        await expect_shown(pilot, '"command": "make check"')
        await pilot.press("tab")
        await expect_shown(pilot, "make check")


async def test_a_task_that_is_not_there_says_so() -> None:
    source = busy_source()
    source.tell(make_event(9, "task.failed", task_id="t-lost", name="Purged", task_status="failed"))
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await expect_shown(pilot, "Purged")
        await pilot.press("enter")
        await expect_shown(pilot, "There is no task 't-lost'")


async def test_draining_resuming_and_stopping_a_worker() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await expect_shown(pilot, "box-1")
        assert "Refactor billing" in screen_text(app)
        await pilot.press("d")
        await expect_shown(pilot, "◐ draining")
        await until(pilot, lambda: source.worker_list[0].mode is WorkerMode.DRAINING, "the drain")
        await until(pilot, lambda: app.screen.check_action("resume", ()), "the worker's new mode")
        await pilot.press("u")
        await until(pilot, lambda: source.worker_list[0].mode is WorkerMode.ACCEPTING, "the resume")
        await pilot.press("S")
        await expect_shown(pilot, "Stop this worker?")
        assert "It runs 1 task right now." in screen_text(app)
        await pilot.press("y")
        await until(pilot, lambda: source.worker_list[0].mode is WorkerMode.STOPPING, "the stop")


async def test_the_feed_filters_pauses_and_follows_again() -> None:
    source = busy_source()
    source.event_log = [
        make_event(n, "task.progress", task_id="t-run", name=f"event {n}", task_status="running")
        for n in range(200)
    ]
    app = dashboard(source)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await expect_shown(pilot, "event 199")
        await pilot.press("g")
        await expect_shown(pilot, "event 1")
        source.tell(make_event(200, "task.failed", task_id="t-fail", name="event two hundred"))
        await expect_shown(pilot, "+1 new, G to follow")
        await pilot.press("G")
        await expect_shown(pilot, "event two hundred")
        await pilot.press("slash", *"hundred", "enter")
        await expect_shown(pilot, "1 of 201 shown")
        assert "event 199" not in screen_text(app)
        await pilot.press("escape")
        await expect_shown(pilot, "event 199")


async def test_a_lost_connection_shows_a_banner_and_its_return_clears_it() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        source.away = AWAY
        source.tell()
        await expect_shown(pilot, "✗ Nothing listens at redis://box:6379/0.")
        assert "stale" in screen_text(app)
        assert "Fix login redirect" in screen_text(app)
        source.away, source.gap = "", True
        await until(pilot, lambda: "Nothing listens" not in screen_text(app), "the banner to go")
        await until(pilot, lambda: any("Some events are gone" in said for said in toasts(app)), "the notice")
        assert "live" in screen_text(app)


async def test_a_store_that_was_never_there_opens_with_a_banner() -> None:
    source = FakeSource()
    source.away = AWAY
    app = dashboard(source, notice="Something to know.")
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Nothing listens")
        assert "Nothing waits on you" not in screen_text(app)
        assert toasts(app) == ["Something to know."]


async def test_copying_an_id_says_what_was_tried() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("y")
        await until(pilot, lambda: toasts(app), "the note")
        assert app.clipboard == "t-ask"
        assert "OSC 52" in toasts(app)[0]


async def test_the_palette_finds_actions_by_what_they_do() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("colon", *"stop the task")
        await expect_shown(pilot, "Stop the task with its whole process tree")
        await pilot.press("enter")
        await expect_shown(pilot, "Cancel this task?")
        assert acts(source) == []


async def test_help_names_the_keys_of_the_screen_and_closes() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("question_mark")
        await expect_shown(pilot, "Submit a new task.")
        assert "Go to the workers." in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "Submit a new task." not in screen_text(app), "the help to close")


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "nord", "shraga"])
async def test_every_theme_draws_the_board(theme: str) -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        app.theme = theme
        await expect_shown(pilot, "Fix login")
        assert "▶ running" in screen_text(app)


async def test_q_leaves() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: app._exit, "the end")
        assert app.return_code == 0


async def test_a_task_that_cannot_be_read_says_so_on_its_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    source = busy_source()

    async def unreadable(task_id: str) -> TaskWithRuns:
        raise Unreadable(f"The record of the task {task_id} cannot be read: spec is missing.")

    monkeypatch.setattr(source, "get_with_runs", unreadable)
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("enter")
        await expect_shown(pilot, "cannot be read: spec is missing.")


async def test_news_have_one_row_of_ticks_whatever_paints_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    class Due:
        stopped = False

        def stop(self) -> None:
            self.stopped = True

    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        due: list[Due] = []

        def later(*_: object) -> Due:
            due.append(Due())
            return due[-1]

        monkeypatch.setattr(app, "set_timer", later)
        app._next_paint = None
        for _ in range(5):
            app.feed_changed(False)
            app._paint_news()
            app.feed_changed(False)
        assert len(due) >= 5
        assert [one.stopped for one in due] == [True] * (len(due) - 1) + [False]


GREET = Template.model_validate(
    {
        "name": "greet",
        "description": "Say hello.",
        "parameters": {
            "who": {"description": "whom to greet"},
            "loud": {"type": "bool", "default": False},
            "size": {"type": "choice", "choices": ["s", "m"]},
        },
        "task": {"name": "Greet ${who}", "action": {"type": "shell", "command": "say ${size} ${loud}"}},
    }
)


async def test_the_form_fills_in_a_template() -> None:
    source = busy_source()
    source.known_templates = [GREET]
    app = dashboard(source)
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("n", "up", "left")
        await expect_shown(pilot, "Say hello.")
        await expect_shown(pilot, "whom to greet")
        assert "Command" not in screen_text(app)
        await pilot.press("enter")
        await expect_shown(pilot, "✗ who: it is missing")
        assert app.focused is not None
        assert app.focused.name == "who"
        await pilot.press(*"Ada", "down", "left", "down", "right", "enter")
        await until(pilot, lambda: "submit" in acts(source), "the submit")
        assert submitted(source).name == "Greet Ada"
        assert submitted(source).action == Shell("say m true")
