"""The dashboard's widgets: data goes down into them, messages come up."""

from __future__ import annotations
