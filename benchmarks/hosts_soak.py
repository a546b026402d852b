"""Long and random between hosts: lines are cut, slowed and lossy, primaries are killed and cut off."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shraga_models import Limits, NewTask, Python, Shell, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.errors import NotFound, ShragaError
from tests.paces import Pace, overlaps, read_paces
from tests.servers import Server
from tests.sites import GuardedSite, Site

WORKERS = ("a", "b", "c")
REPLICA_DELAY = 0.01
"""Seconds by which the replicas are farther from the primary than who submits, each way."""
ASYNCHRONOUS = 2.0
"""Seconds two runs may overlap after a failover that lost the claim, see docs/how-to/scale.md."""


@dataclass
class Flow:
    """Tasks that note when they are alive, and what became of them."""

    shraga: Shraga
    folder: Path
    random: random.Random
    longest: float = 8.0
    accepted: dict[int, str] = field(default_factory=dict)
    replicated: set[int] = field(default_factory=set)
    refused: int = 0

    def submit(self) -> bool:
        """Submit one; returns whether it was accepted."""
        number = len(self.accepted) + self.refused
        seconds = self.random.choice([0.05, 0.05, 0.3, 1.0, self.longest])
        new = NewTask(
            name=f"paced {number}",
            action=Python("tests.jobs:pace", args={"path": str(self._note(number)), "seconds": seconds}),
            limits=Limits(lost_retries=100, backoff=0.1),
        )
        try:
            self.accepted[number] = self.shraga.submit_task(new).id
        except ShragaError:
            self.refused += 1
            return False
        return True

    def submit_replicated(self) -> bool:
        """Submit one and note whether a replica has it."""
        if not self.submit():
            return False
        try:
            if int(self.shraga.driver.connection.execute_command("WAIT", 1, 200)) >= 1:
                self.replicated.add(max(self.accepted))
        except Exception:
            return True
        return True

    def _note(self, number: int) -> Path:
        return self.folder / f"p{number:06}"

    def settle(self, seconds: float) -> None:
        """Wait until all that is known has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                counts = self.shraga.counts().by_status
                if not any(counts[status] for status in TaskStatus if not status.is_final):
                    return
            except ShragaError:
                pass
            time.sleep(0.3)

    def verdict(self) -> dict[str, Any]:
        """Return what became of the tasks."""
        ended: Counter[str] = Counter()
        gone, unended, again, over = [], 0, 0, []
        losses = 0
        for number, task_id in self.accepted.items():
            paces = read_paces(self._note(number))
            over += [(number, round(one.last - two.begin, 3)) for one, two in overlaps(paces)]
            again += sum(pace.ended for pace in paces) > 1
            try:
                task = self.shraga.get(task_id)
            except NotFound:
                gone.append(number)
                continue
            ended[task.status.value] += 1
            losses += task.losses
            unended += task.status is TaskStatus.COMPLETED and not _whole(paces)
        return {
            "accepted": len(self.accepted),
            "refused": self.refused,
            "ended": dict(ended),
            "lost_runs_retried": losses,
            "forgotten": len(gone),
            "forgotten_although_replicated": len(self.replicated.intersection(gone)),
            "not_ended": sum(count for status, count in ended.items() if status != "completed"),
            "completed_without_end": unended,
            "ended_twice": again,
            "overlaps": len(over),
            "longest_overlap_s": max((length for _, length in over), default=0.0),
        }


class Flood:
    """Tasks submitted as fast as it goes, and run by nobody: how much of it is forgotten when the primary dies."""

    def __init__(self, settings: Settings) -> None:
        self._shraga = Shraga.connect(settings=settings)
        self.accepted: dict[str, list[str]] = {"killed": [], "vanished": []}

    def __enter__(self) -> Flood:
        return self

    def __exit__(self, *error: object) -> None:
        self._shraga.close()

    def until(self, fate: str, primary: Server) -> float:
        """Submit until the primary, killed half a second from now, answers no more; return when it was killed.

        One that has `vanished` was cut off with its host first, so that nothing it has sent arrives.
        """
        killed: list[float] = []

        def kill() -> None:
            if fate == "vanished" and primary.host:
                primary.host.sever()
            primary.kill()
            killed.append(time.monotonic())

        timer = threading.Timer(0.5, kill)
        timer.start()
        new = [NewTask(name="flood", action=Shell("true"))] * 20
        while not killed:
            try:
                self.accepted[fate] += [task.id for task in self._shraga.submit_many(new)]
            except ShragaError:
                break
        timer.join()
        return killed[0]

    def verdict(self) -> dict[str, str]:
        """Return how many of the accepted are not known any more."""
        return {
            fate: f"{sum(map(self._is_gone, ids))} of {len(ids)} forgotten"
            for fate, ids in self.accepted.items()
        }

    def _is_gone(self, task_id: str) -> bool:
        try:
            self._shraga.get(task_id)
        except NotFound:
            return True
        return False


def _whole(paces: list[Pace]) -> bool:
    return any(pace.ended for pace in paces)


def _broken(found: dict[str, Any], *names: str) -> list[str]:
    return [name for name in names if found[name]]


def _staff(site: Site) -> list[subprocess.Popen[bytes]]:
    site.controller("control1")
    site.controller("control2")
    return [site.worker(name, slots=3) for name in WORKERS]


def _ended(workers: list[subprocess.Popen[bytes]]) -> int:
    return sum(worker.poll() is not None for worker in workers)


def weather(folder: Path, seconds: float, seed: int) -> dict[str, Any]:
    """Let work flow while lines are cut for up to 30 s, unplugged, slow and lossy."""
    chance = random.Random(seed)
    with Site(folder, seed) as site:
        workers = _staff(site)
        flow = Flow(site.shraga, folder, chance)
        seen: Counter[str] = Counter()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            heal_at = time.monotonic() + _disturb(site, chance, seen)
            while time.monotonic() < heal_at:
                flow.submit()
                time.sleep(chance.uniform(0.1, 0.5))
            for host in site.lan.hosts.values():
                host.heal()
            site.lan.weather(round_trip=0.0, loss=0.0)
            rest = time.monotonic() + chance.uniform(1, 8)
            while time.monotonic() < rest:
                flow.submit()
                time.sleep(chance.uniform(0.1, 0.5))
        flow.settle(120)
        found = flow.verdict() | {"disturbances": dict(seen), "workers_ended": _ended(workers)}
    # What a worker finished that was cut off for longer than its lease is done again elsewhere: no promise is broken.
    names = ("forgotten", "not_ended", "completed_without_end", "overlaps", "workers_ended")
    return found | {"broken": _broken(found, *names)}


def _disturb(site: Site, chance: random.Random, seen: Counter[str]) -> float:
    kind = chance.choice(["cut worker", "unplug worker", "cut redis", "cut controllers", "loss", "distance"])
    seen[kind] += 1
    if kind == "loss":
        site.lan.weather(loss=chance.uniform(0.05, 0.1))
    elif kind == "distance":
        site.lan.weather(round_trip=chance.uniform(0.02, 0.2))
    elif kind == "cut redis":
        site.host("redis0").sever()
        return chance.uniform(2, 30)
    elif kind == "cut controllers":
        site.host("control1").sever()
        site.host("control2").sever()
    else:
        site.host(chance.choice(WORKERS)).sever("unplug" if kind.startswith("unplug") else "silent")
    return chance.uniform(2, 15)


def sentinel(folder: Path, seconds: float, seed: int) -> dict[str, Any]:
    """Kill one primary after another while work flows; each comes back as a replica."""
    chance = random.Random(seed)
    recovered: dict[str, list[float]] = {"killed": [], "vanished": []}
    with GuardedSite(folder, seed, replicas=2) as site, ExitStack() as stack:
        workers = _staff(site)
        flow = Flow(site.shraga, folder, chance)
        flood = stack.enter_context(Flood(site.settings("desk").model_copy(update={"prefix": "flood"})))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _submit_for(flow, chance.uniform(2, 5))
            old = site.guarded.primary
            fate = ("killed", "vanished")[sum(map(len, recovered.values())) % 2]
            for server in site.guarded.servers:
                assert server.host is not None
                server.host.line.delay = 0.0 if server is old else REPLICA_DELAY
            killed_at = flood.until(fate, old)
            site.lan.weather(round_trip=0.0)
            while not flow.submit_replicated():
                time.sleep(0.05)
            recovered[fate].append(round(time.monotonic() - killed_at, 1))
            _submit_for(flow, 1)
            assert old.host is not None
            old.host.heal()
            old.start()
            deadline = time.monotonic() + 60
            while len(site.guarded.synced(site.guarded.primary)) < 2 and time.monotonic() < deadline:
                _submit_for(flow, 0.5)
        flow.settle(120)
        found = flow.verdict() | {
            "s_until_a_submit_is_taken": recovered,
            "workers_ended": _ended(workers),
            "flood": flood.verdict(),
        }
    broken = _broken(
        found, "forgotten_although_replicated", "not_ended", "completed_without_end", "workers_ended"
    )
    if found["longest_overlap_s"] > ASYNCHRONOUS:
        broken.append("longest_overlap_s")
    return found | {"broken": broken}


def _submit_for(flow: Flow, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        flow.submit_replicated()
        time.sleep(0.25)


def split(folder: Path, seconds: float, seed: int) -> dict[str, Any]:
    """Cut the primary off together with a worker; without and with `min-replicas-to-write`."""
    guarded = {"min_replicas_to_write": "1", "min_replicas_max_lag": "2"}
    plain = _split(folder / "plain", seed, {})
    kept = _split(folder / "guarded", seed, guarded)
    broken = [name for name in ("overlap_s", "workers_ended") if kept[name]]
    return {"without min-replicas": plain, "with min-replicas": kept, "broken": broken}


def _split(folder: Path, seed: int, options: dict[str, str]) -> dict[str, Any]:
    folder.mkdir()
    with GuardedSite(folder, seed, replicas=2, down_after=4.0, **options) as site:
        site.controller("control")
        workers = [site.worker("a")]
        flow = Flow(site.shraga, folder, random.Random(seed), longest=45.0)
        note = folder / "p000000"
        action = Python("tests.jobs:pace", args={"path": str(note), "seconds": 45.0})
        flow.accepted[0] = site.shraga.submit("paced 0", action).id
        while not read_paces(note):
            time.sleep(0.02)
        workers.append(site.worker("b"))
        site.lan.part("redis0", "a")
        cut_at = time.monotonic()
        while len(read_paces(note)) < 2 and time.monotonic() < cut_at + 40:
            time.sleep(0.05)
        time.sleep(5)
        site.lan.rejoin()
        flow.settle(90)
        paces = read_paces(note)
        return {
            "elsewhere_after_s": round(paces[1].begin - cut_at, 1),
            "first_run_ended_after_s": round(paces[0].last - cut_at, 1),
            "overlap_s": max(0.0, round(paces[0].last - paces[1].begin, 1)),
            "runs": len(paces),
            "ended": flow.verdict()["ended"],
            "workers_ended": _ended(workers),
        }
