"""What demos that were killed have left is swept, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shraga_queue.config import Settings
from shraga_queue.demo_run import STARTING, sweep
from shraga_queue.embedded import Embedded


def left_behind(folder: Path, name: str = "shraga-demo-old", age: float = 2 * STARTING) -> Path:
    """Make a home that a killed demo has left."""
    home = folder / name
    (home / "runs" / "t" / "1").mkdir(parents=True)
    (home / "users.lock").touch()
    made_long_ago(home, age)
    return home


def made_long_ago(home: Path, age: float = 2 * STARTING) -> None:
    then = (home / "users.lock").stat().st_mtime - age
    os.utime(home / "users.lock", (then, then))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Path]:
    """The home of a demo whose server runs."""
    settings = Settings(home=tmp_path / "shraga-demo-live", context=None)
    Embedded.ensure(settings)
    made_long_ago(settings.home)
    yield settings.home
    Embedded.release(settings)
    assert Embedded.stop(settings)


def test_a_home_that_nobody_uses_is_removed_whole(tmp_path: Path) -> None:
    home = left_behind(tmp_path)
    assert sweep(tmp_path) == [home]
    assert not home.exists()


def test_the_home_of_a_living_demo_is_left_alone(tmp_path: Path, live: Path) -> None:
    assert sweep(tmp_path) == []
    assert Embedded.is_running(Settings(home=live, context=None))


def test_a_home_whose_user_is_gone_but_whose_server_lives_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "shraga-demo-keeper", context=None)
    Embedded.ensure(settings, keep=True)
    Embedded.release(settings)
    made_long_ago(settings.home)
    try:
        assert sweep(tmp_path) == []
        assert Embedded.is_running(settings)
    finally:
        assert Embedded.stop(settings)


def test_what_is_just_starting_is_no_demo_s_or_is_elsewhere_is_left_alone(tmp_path: Path) -> None:
    young, other = left_behind(tmp_path, age=0), left_behind(tmp_path, "shraga-other")
    (tmp_path / "shraga-demo-empty").mkdir()
    (tmp_path / "shraga-demo-link").symlink_to(other)
    (tmp_path / "shraga-demo-file").touch()
    assert sweep(tmp_path) == []
    assert young.exists()
    assert (other / "runs").exists()
