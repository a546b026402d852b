"""The dashboard's screens; each owns its state and is imported when it is first opened."""

from __future__ import annotations
