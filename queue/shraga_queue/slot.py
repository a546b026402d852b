"""A slot: an `rq.Worker` that claims tasks, has its horse run them, keeps their leases and commits what came of it."""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import redis
import rq
from redis.exceptions import RedisError
from rq import worker_registration
from rq.command import parse_payload
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from shraga_models import ANY_CAPABILITY, Priority

from . import proctree
from .active import SETTLE_PAUSE, ActiveRun
from .connect import explain
from .deadline import Deadline
from .engine import Bell, Claim, Engine, SlotName
from .hand import Hand
from .horse import HorseSetup
from .keys import Keys
from .work_horse import WorkHorse

IDLE_BLOCK = 1.0
"""Seconds an idle slot waits for the bell before it looks around."""
IDLE_BEAT = 8.0
RQ_TTL = 30
"""Seconds after which RQ's tools forget a slot that fell silent."""


@dataclass(frozen=True)
class SlotSetup:
    """What a slot process is told by its supervisor."""

    url: str
    prefix: str
    home: str
    user: str
    worker_id: str
    worker_name: str
    slot: int
    capabilities: tuple[str, ...]
    modules: tuple[str, ...]
    recycle_after: int


def queue_names(keys: Keys, capabilities: tuple[str, ...]) -> list[str]:
    """Return the queues of a worker: higher priorities first, then in the order of its capabilities."""
    wanted = dict.fromkeys((*capabilities, ANY_CAPABILITY))
    return [keys.queue_name(capability, priority) for priority in Priority for capability in wanted]


class SlotWorker(rq.Worker):
    """RQ's worker with its own claim, horse, lease and commit; RQ's tools see it as any other."""

    def __init__(self, setup: SlotSetup, engine: Engine, name: str, deadline: Deadline) -> None:
        self.setup = setup
        self.engine = engine
        self.horse_deadline = deadline
        self.horse: WorkHorse | None = None
        self.cut_short: list[ActiveRun] = []
        """Begun by a horse that was ended behind another run."""
        self.runs_served = 0
        self.stop_requests = 0
        self.active: ActiveRun | None = None
        names = queue_names(engine.keys, setup.capabilities)
        super().__init__(
            names,
            name=name,
            connection=engine.driver.connection,
            serializer=JSONSerializer,
            worker_ttl=RQ_TTL,
        )
        slot_name = SlotName(setup.worker_id, setup.slot, name, tuple(names))
        self.hand = Hand(engine, slot_name, setup.url, self.log)
        capabilities = dict.fromkeys((*setup.capabilities, ANY_CAPABILITY))
        rings = (engine.keys.make("bell", capability=one) for one in capabilities)
        self.bell = Bell(tuple(rings), IDLE_BLOCK)
        self._rests = False
        self._beat_at = time.monotonic()
        self.commands = self.connection.pubsub(ignore_subscribe_messages=True)

    # What RQ's base class asks of a worker

    def _set_connection(self, connection: redis.Redis) -> redis.Redis:
        # RQ would raise the socket timeout to minutes; a slot has to notice a lost server within its lease.
        return connection

    def subscribe(self) -> None:
        """Listen to RQ's command channel without a thread: the loop looks at the socket itself."""
        self.commands.subscribe(self.pubsub_channel_name)

    def unsubscribe(self) -> None:
        """Leave RQ's command channel."""
        self.commands.close()

    def request_stop(self, signum: int, frame: Any) -> None:
        """First signal: finish the task in hand, then leave; second: end it and leave."""
        self.stop_requests += 1
        self._stop_requested = True

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Serve until told to stop; returns whether any task was run."""
        signal.signal(signal.SIGTERM, self.request_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._until_reachable(lambda: self.bootstrap(logging_level="WARNING"))
        try:
            while not self._stop_requested:
                self._serve()
            self._put_down()
        finally:
            self._end_horse()
            self.teardown()
        return self.runs_served > 0

    def teardown(self) -> None:
        """Say good-bye to RQ's registries; an unreachable server forgets the worker by itself."""
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except (RedisError, OSError):
            self.log.warning("Worker %s: Redis is away; its registration will expire", self.name)

    # Serving

    def _serve(self) -> None:
        """Take a turn, as soon as there is anything to do, and work off what it brings."""
        self._ensure_horse()
        reached = self._await_work() if self._rests else self.hand.refill()
        if not reached:
            time.sleep(random.uniform(0.1, 0.6))
        elif self.hand.claims:
            self._work_off()
        # Whoever has just worked asks once more before it lies down, with the ends that it brings along.
        self._rests = reached and not self.hand

    def _await_work(self) -> bool:
        try:
            self._beat_for_rq()
            self._look_at_commands()
        except (RedisError, OSError) as error:
            self.log.warning("Worker %s: %s; trying again", self.name, error)
            return False
        return self._stop_requested or self.hand.refill_when_rung(self.bell)

    def _beat_for_rq(self) -> None:
        now = time.monotonic()
        if now - self._beat_at > IDLE_BEAT:
            self._beat_at = now
            with self.connection.pipeline(transaction=False) as pipeline:
                pipeline.hset(self.key, mapping=self.serialize())
                worker_registration.register(self, pipeline)
                pipeline.expire(self.key, RQ_TTL)
                pipeline.execute()

    def _work_off(self) -> None:
        """Run what is in hand, one after the other; the horse has what follows ahead and does not wait for it."""
        self._state = WorkerStatus.BUSY
        try:
            while (run := self._next()) is not None:
                self.active = run
                self._send_ahead(run)
                self._see_through(run)
                self._conclude(run)
        finally:
            self.active = None
            self._state = WorkerStatus.IDLE

    def _next(self) -> ActiveRun | None:
        if self.horse is not None and not self.horse.is_alive:
            # Somebody ended it: what it has not begun is for another one, which is no loss.
            self._end_horse()
            self._settle_cut_short()
        horse = self.horse
        if horse is None:
            return None
        if self._stop_requested:
            horse.take_back()
        if horse.sent and self.hand.is_worth_a_turn(len(horse.sent), horse.channel.is_ready):
            # A command to stop one of them takes back what the horse has not begun, which may be all.
            self._look_at_commands()
            self.hand.refill_beside([run.claim.task_id for run in horse.sent.values()])
        if horse.sent:
            run = horse.next()
            run.follow()
        elif self.hand.is_due or self._stop_requested or not self.hand.is_fresh:
            return None
        else:
            run = self._make_run(self.hand.claims.popleft(), horse)
            self._begin(run)
        self.runs_served += 1
        return run

    def _make_run(self, claim: Claim, horse: WorkHorse) -> ActiveRun:
        return ActiveRun(self.engine, claim, self.name, horse, self.horse_deadline, self.hand.asked)

    def _begin(self, run: ActiveRun) -> None:
        try:
            run.begin()
        except Exception as error:
            self._fail(run, error)

    def _send_ahead(self, run: ActiveRun) -> None:
        """Send what is in hand behind a run; what has yet to be read from the store for it waits for its turn."""
        horse, claims = self.horse, self.hand.claims
        if horse is None or run.ended or self._stop_requested or not self.hand.is_fresh:
            return
        room = max(0, self.setup.recycle_after - horse.count)
        runs = (self._make_run(claim, horse) for claim in list(claims)[:room])
        for _ in range(horse.send_ahead(list(takewhile(lambda one: one.needs_no_reading, runs)))):
            claims.popleft()

    def _put_back(self, runs: Sequence[ActiveRun]) -> None:
        if runs:
            self.hand.put_back([run.claim for run in runs], runs[0].asked)

    def _conclude(self, run: ActiveRun) -> None:
        horse = self.horse
        never_began = bool(run.lost) and horse is not None and horse.forgo()
        if run.spoiled or (horse and not horse.sent and horse.count >= self.setup.recycle_after):
            self._end_horse()
        if never_began:
            # No loss: it is for the next process, after a pause in case none can live here.
            self._put_back([run])
            time.sleep(SETTLE_PAUSE)
        else:
            self._settle(run)
        self._settle_cut_short()

    def _settle_cut_short(self) -> None:
        while self.cut_short:
            self._settle(self.cut_short.pop(0))

    def _settle(self, run: ActiveRun) -> None:
        began = time.monotonic()
        ended = run.settle(lambda: self.stop_requests > 1, self._look_after_the_next)
        if ended is not None:
            self.hand.put(ended, time.monotonic() - began)

    def _look_after_the_next(self) -> None:
        """While the store does not take what a run left: see to what was begun behind it, and begin no more."""
        if self.horse is not None:
            self.horse.take_back()
            for run in list(self.horse.sent.values()):
                run.follow()
                self._step(run)
                if self.horse is None or not run.ended:
                    # What it has yet to say comes first, and must not be read in the next one's name.
                    break

    def _step(self, run: ActiveRun) -> None:
        try:
            run.step()
        except Exception as error:
            self._fail(run, error)

    def _see_through(self, run: ActiveRun) -> None:
        try:
            while not run.ended:
                self._wait(run, min(run.due_in(), self._held_for(run)))
                run.step()
                if self.stop_requests > 1:
                    run.abandon("the worker was told to stop at once")
                if not run.ended and self._held_for(run) <= 0 and self._keeps_to(run):
                    # Other slots may have what this long run holds up; if the store is away, both wait.
                    self.hand.put_down([run.claim.task_id])
        except Exception as error:
            self._fail(run, error)
        if self.horse is None or not self.horse.sent:
            self.horse_deadline.set(0)

    def _held_for(self, run: ActiveRun) -> float:
        assert self.horse is not None
        return self.hand.due_in(run.running_for, len(self.horse.sent))

    def _keeps_to(self, run: ActiveRun) -> bool:
        return self.horse is not None and self.horse.keeps_to(run)

    def _fail(self, run: ActiveRun, error: Exception) -> None:
        # Whatever it was: a run that is no longer followed must not go on.
        self.log.exception("Worker %s: a run could not be followed", self.name)
        self._end_horse()
        run.give_up(error)

    def _put_down(self) -> None:
        """Write down and give back all that is in hand, before leaving."""
        while self.hand and not self.hand.put_down() and self.stop_requests < 2:
            time.sleep(SETTLE_PAUSE)

    def _wait(self, run: ActiveRun, seconds: float) -> None:
        assert self.horse is not None
        if run.listens and self.horse.channel.is_ready:
            return
        commands = getattr(self.commands.connection, "_sock", None)
        watched: list[Any] = [self.horse.channel] if run.listens else []
        watched += [] if commands is None else [commands]
        ready, _, _ = select.select(watched, [], [], max(0.0, seconds))
        if commands in ready:
            self._look_at_commands()

    def _look_at_commands(self) -> None:
        try:
            while message := self.commands.get_message(timeout=0):
                self._obey(parse_payload(message))
        except (RedisError, OSError):
            # The command was only a hint: the next heartbeat brings what is stored.
            self.commands.reset()
            self._resubscribe()
        except Exception as error:
            # Anybody may publish anything; what is no command is passed over.
            self.log.warning("Worker %s: not a command: %s", self.name, error)

    def _resubscribe(self) -> None:
        try:
            self.commands.subscribe(self.pubsub_channel_name)
        except (RedisError, OSError):
            self.commands.reset()

    def _obey(self, payload: dict[str, Any]) -> None:
        command = payload.get("command")
        if command == "shutdown":
            self.request_stop(signal.SIGTERM, None)
        elif command == "read-chat" and self.active is not None:
            self.active.look_now()
        elif command in ("stop-job", "stop-execution", "kill-horse") and self.active is not None:
            self._look_for_a_stop(self.active, payload)

    def _look_for_a_stop(self, run: ActiveRun, payload: dict[str, Any]) -> None:
        meant = payload.get("job_id") or run.claim.task_id
        ahead = list(self.horse.sent.values()) if self.horse is not None else []
        mine = {*(one.claim.task_id for one in (run, *ahead)), *(claim.task_id for claim in self.hand.claims)}
        if payload.get("by") is None and meant in mine:
            # RQ's own tools leave nothing but this message; from here on it is as durable as ours.
            self.engine.ask_cancel(meant, "rq", "asked through RQ")
        run.look_now()
        if self.horse is not None and meant != run.claim.task_id:
            self.horse.take_back()
            if any(claim.task_id == meant for claim in self.hand.claims):
                begun = [one.claim.task_id for one in (run, *self.horse.sent.values()) if not one.ended]
                self.hand.put_down(begun)

    # The horse

    def _ensure_horse(self) -> None:
        if self.horse is not None and self.horse.is_alive:
            return
        self._end_horse()
        self.horse_deadline.begin_anew()
        setup = HorseSetup(
            self.setup.worker_id,
            Path(self.setup.home),
            self.setup.modules,
            self.horse_deadline,
            self.setup.url,
        )
        self.horse = WorkHorse(setup, self._put_back)
        self._horse_pid = self.horse.pid

    def _end_horse(self) -> None:
        self.horse_deadline.set(0)
        if not proctree.kill_below(os.getpid()):
            self.log.error("Worker %s: a process of a task cannot be ended", self.name)
        if self.horse is not None:
            self.horse.take_back()
            for run in self.horse.sent.values():
                run.catch_up()
            self.cut_short += self.horse.sent.values()
            self.horse.close()
            self.horse = None
        self._horse_pid = 0

    def _until_reachable(self, do: Any) -> None:
        told = False
        while not self._stop_requested:
            try:
                do()
                return
            except (RedisError, OSError) as error:
                if not told:
                    self.log.warning("Worker %s: %s Trying again.", self.name, explain(error, self.setup.url))
                told = True
                time.sleep(0.5)
