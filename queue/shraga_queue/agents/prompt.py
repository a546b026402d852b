"""What an agent is told at its start: goal, rules, criteria, context, documents, and what was said before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from shraga_models import Agent, Message, MessageType, SenderType, TaskSpec

MOST_CONVERSATION = 30_000
"""Characters of the conversation so far; the latest of it."""
_PEOPLE = (SenderType.USER, SenderType.CONTROLLER)
Document = tuple[str, str]
"""Title and Markdown of a context document."""


def goal_of(spec: TaskSpec) -> str:
    """Return what the agent is to do: the action's prompt, else the task's own words."""
    action = spec.action
    given = action.prompt if isinstance(action, Agent) else ""
    return given.strip() or spec.input.description.strip() or spec.description.strip() or spec.name


def build_prompt(
    spec: TaskSpec,
    conversation: Sequence[Message] = (),
    documents: Iterable[Document] = (),
    ask_hint: str = "",
) -> str:
    """Return the prompt as Markdown; empty parts are left out, a bare goal stands alone."""
    goal = goal_of(spec)
    description = spec.input.description.strip()
    parts = [
        ("Task", spec.name if spec.name != goal else ""),
        ("Description", description if description != goal else ""),
        ("Contact rules", spec.input.contact_rules.strip()),
        ("Success criteria", _criteria(spec)),
        ("Context", json.dumps(spec.context, ensure_ascii=False, indent=2) if spec.context else ""),
        *((f"Document: {title}", text.strip()) for title, text in documents),
        ("Conversation so far", _told(conversation)),
        ("Asking a person", ask_hint),
    ]
    sections = [f"# {title}\n\n{text}" for title, text in parts if text]
    return "\n\n".join([goal, *sections])


def told_since(conversation: Sequence[Message]) -> tuple[str, str]:
    """Return the question that was answered last, and all that people said since the run spoke; empty for none."""
    question, words = "", list[str]()
    for message in reversed(conversation):
        if message.type is MessageType.QUESTION or message.sender_type not in _PEOPLE:
            question = message.text if message.type is MessageType.QUESTION else ""
            break
        words.append(message.text)
    return question if words else "", "\n\n".join(reversed(words))


def _criteria(spec: TaskSpec) -> str:
    said = [spec.input.success_criteria.strip()]
    if spec.input.check:
        told = "When you have finished, this command is run in your folder and has to end with 0:"
        said.append(f"{told}\n\n    {spec.input.check}")
    return "\n\n".join(filter(None, said))


def _told(conversation: Sequence[Message]) -> str:
    lines: list[str] = []
    room = MOST_CONVERSATION
    for message in reversed(conversation):
        line = f"{message.sender} ({message.type.value}): {message.text.strip()}"
        room -= len(line)
        if room < 0:
            lines.append("…")
            break
        lines.append(line)
    return "\n\n".join(reversed(lines))
