"""The chat of a task or a workflow: what people, workers and the system say to each other about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import JsonObject, Model, Moment, Sized


class SenderType(StrEnum):
    """Who speaks (seeds: AgentVine chat sender_type, Aura conversation role)."""

    USER = "user"
    WORKER = "worker"
    SYSTEM = "system"
    CONTROLLER = "controller"
    ASSISTANT = "assistant"


class MessageType(StrEnum):
    """What a message is (seed: AgentVine chat message_type)."""

    TEXT = "text"
    QUESTION = "question"
    RESPONSE = "response"
    STATUS = "status"
    ERROR = "error"


class Attachment(Model):
    """A file that a message names (seed: AgentVine chat attachments); its bytes stay where they are."""

    name: Annotated[str, Field(min_length=1)]
    address: str = ""
    size: Annotated[int, Field(ge=0)] | None = None
    sha256: str = ""
    media_type: str = ""


class NewMessage(Sized):
    """What is said; an edit is a new entry that names the one it stands for."""

    text: Annotated[str, Field(min_length=1)]
    type: MessageType = MessageType.TEXT
    parent_id: str | None = None
    edits: str | None = None
    """The id of the message that this one replaces."""
    attachments: tuple[Attachment, ...] = ()
    metadata: JsonObject = {}


class Message(NewMessage):
    """One entry of a chat (seeds: AgentVine chat_messages, Aura conversation); the id is its place in the stream."""

    id: str
    at: Moment
    task_id: str | None = None
    workflow_id: str | None = None
    """Whose chat it is in: a task's or a workflow's."""
    sender_type: SenderType
    sender: str
    attempt: int | None = None
    edited: bool = False
    """Whether the text is that of a later edit."""
    told: tuple[str, ...] = ()
    """In a workflow's chat: the steps that ran, could listen and were told."""
    origin: str | None = None
    """In the chat of a step's task: the message of its workflow's chat that this one brings."""
