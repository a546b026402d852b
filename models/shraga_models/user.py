"""People and service accounts."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from .base import Moment, Record, Slug


class Role(StrEnum):
    """What a user may do (seeds: Shraga users, AgentVine users)."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    DESIGNER = "designer"
    VIEWER = "viewer"


class UserStatus(StrEnum):
    """Whether an account may be used (seed: Shraga users)."""

    ACTIVE = "active"
    DISABLED = "disabled"
    PENDING = "pending"


class User(Record):
    """A person or service account (seeds: Shraga users, AgentVine users, scheduler users and preferences)."""

    username: Slug
    email: str = ""
    display_name: str = ""
    role: Role = Role.DEVELOPER
    status: UserStatus = UserStatus.ACTIVE
    external_id: str | None = None
    """The id at the identity provider (seed: Shraga users, UserId)."""
    verified: bool = False
    last_login_at: Moment | None = None
    settings: dict[str, Any] = {}
