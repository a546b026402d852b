"""The line in which a filter is typed, and the line below it that says what is wrong or how it may go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.timer import Timer
from textual.widgets import Input

from shraga_models import TaskFilter, parse_filter
from shraga_models.text import clean_line
from shraga_tui.completion import choices, completions

from .bars import Bar

DEBOUNCE = 0.15
"""Seconds of quiet after a key before the filter is applied."""
EXAMPLE = "status:running owner:alice kind:bugfix age>1h label:nightly words"
Known = Callable[[], Mapping[str, Iterable[str]]]


class _FirstCompletion(Suggester):
    """Shows in the line itself what Tab would make of it."""

    def __init__(self, known: Known) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(completions(value, self._known())), None)


class FilterInput(Input):
    """One line; Tab accepts the completion that is shown."""

    BINDINGS = [Binding("tab", "complete", "complete", id="filter.complete", show=False)]

    def __init__(self, known: Known) -> None:
        super().__init__(placeholder=EXAMPLE, id="filter", compact=True, suggester=_FirstCompletion(known))
        self._known = known

    def action_complete(self) -> None:
        """Complete the last term."""
        if found := completions(self.value, self._known()):
            self.value = found[0]
            self.cursor_position = len(self.value)


class FilterBar(Vertical):
    """Hidden until it is opened; posts the filter once typing has paused, if it can be read."""

    DEFAULT_CSS = "FilterBar { height: auto; display: none; } FilterBar.-open { display: block; }"

    @dataclass
    class Changed(Message):
        """Another filter is to be applied; `text` is how it was typed."""

        wanted: TaskFilter
        text: str

    @dataclass
    class Left(Message):
        """Typing is done: the list shall have the keys."""

    def __init__(self, known: Known) -> None:
        super().__init__(id="filter-bar")
        self.applied = ""
        self._known = known
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        yield FilterInput(self._known)
        yield Bar(id="filter-hint")

    @property
    def box(self) -> FilterInput:
        """The line that is typed in."""
        return self.query_one(FilterInput)

    @property
    def is_open(self) -> bool:
        """Whether the bar is to be seen."""
        return self.has_class("-open")

    def open(self) -> None:
        """Show the bar and type in it."""
        self.add_class("-open")
        self.box.focus()
        self._hint()

    def put(self, text: str) -> None:
        """Show a filter and apply it at once; an empty one closes the bar."""
        self.set_class(bool(text), "-open")
        with self.box.prevent(Input.Changed):
            self.box.value = text
        self.box.cursor_position = len(text)
        self._apply()

    def _apply(self) -> None:
        self._stop()
        text = self.box.value
        self._hint()
        try:
            wanted = parse_filter(text)
        except ValueError:
            return
        if text.strip() != self.applied:
            self.applied = text.strip()
            self.post_message(self.Changed(wanted, self.applied))

    def _stop(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause = None

    def _hint(self) -> None:
        text, bar = self.box.value, self.query_one("#filter-hint", Bar)
        found = choices(text, completions(text, self._known()))
        # What may still become a value is not wrong yet; what stands before it may be.
        said = _wrong_in(text.rpartition(" ")[0] if found else text)
        if said:
            bar.show(((f" ✗ {clean_line(said, 300)}", "failed"),))
        elif found:
            bar.show(((f" ⇥ {'   '.join(found[:12])}", "faint"),))
        else:
            bar.show(((" words are looked for in name, labels and id", "faint"),))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._hint()
        self._stop()
        self._pause = self.set_timer(DEBOUNCE, self._apply)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._apply()
        if not self.box.value.strip():
            self.remove_class("-open")
        self.post_message(self.Left())

    def on_key(self, event: events.Key) -> None:
        """Let the arrow down go to the list."""
        if event.key == "down":
            event.stop()
            self._apply()
            self.post_message(self.Left())


def _wrong_in(text: str) -> str:
    """Return what is wrong in a filter, naming the term and the fix, or nothing."""
    try:
        parse_filter(text)
    except ValueError as error:
        return str(error)
    return ""
