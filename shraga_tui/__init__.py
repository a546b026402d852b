"""What people see of Shraga: the dashboard and the `shraga` command."""

from __future__ import annotations


def version() -> str:
    """Return the version of the installed distribution, or one that says there is none."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("shraga-tui")
    except PackageNotFoundError:
        return "0+not.installed"
