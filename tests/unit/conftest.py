"""Unit tests see no terminal settings of the developer."""

from __future__ import annotations

import tests.tui  # noqa: F401
