"""Every Redis key, spelled once: Python formats them here, the scripts get the same templates as functions."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property

_TEMPLATES = {
    # The owner is part of the key, so that Redis itself can keep rows apart with ACL patterns.
    "user": "{p}:u:{owner}",
    "task": "{p}:u:{owner}:t:{task}",
    "runs": "{p}:u:{owner}:t:{task}:runs",
    "log": "{p}:u:{owner}:t:{task}:log:{attempt}",
    "needs": "{p}:u:{owner}:t:{task}:needs",
    "unmet": "{p}:u:{owner}:t:{task}:unmet",
    "dependents": "{p}:u:{owner}:t:{task}:dependents",
    "user_index": "{p}:u:{owner}:tasks:{status}",
    "user_events": "{p}:u:{owner}:events",
    "workflow": "{p}:u:{owner}:w:{workflow}",
    # The organisation's.
    "workflows": "{p}:workflows",
    "workflow_index": "{p}:workflows:{phase}",
    "workflows_due": "{p}:workflows-due",
    "owners": "{p}:owners",
    "users": "{p}:users",
    "index": "{p}:tasks:{status}",
    "events": "{p}:events",
    "audit": "{p}:audit",
    "due": "{p}:due",
    "leases": "{p}:leases",
    "forgotten": "{p}:forgotten",
    "edges": "{p}:edges",
    "releasing": "{p}:releasing",
    "pulse": "{p}:pulse:{hour}",
    "workers": "{p}:workers",
    "worker": "{p}:w:{worker}",
    "worker_names": "{p}:worker-names",
    "bell": "{p}:bell:{capability}",
    "leader": "{p}:leader",
    # RQ's own, so that its tools see what we do.
    "rq_job": "{rq}:job:{task}",
    "rq_queue": "{rq}:queue:{queue}",
    "rq_queues": "{rq}:queues",
    "rq_started": "{rq}:wip:{queue}",
    "rq_finished": "{rq}:finished:{queue}",
    "rq_failed": "{rq}:failed:{queue}",
    "rq_deferred": "{rq}:deferred:{queue}",
    "rq_scheduled": "{rq}:scheduled:{queue}",
    "rq_canceled": "{rq}:canceled:{queue}",
    "rq_worker": "{rq}:worker:{rq_worker}",
    "rq_workers": "{rq}:workers",
    "rq_workers_of": "{rq}:workers:{queue}",
    "rq_commands": "{rq}:pubsub:{rq_worker}",
    "rq_suspended": "{rq}:suspended",
}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Keys:
    """The keys under one prefix; `rq` is RQ's own prefix."""

    prefix: str = "shraga"
    rq: str = field(default_factory=lambda: os.environ.get("RQ_KEY_PREFIX", "rq").rstrip(":"))

    def make(self, name: str, **parts: str | int) -> str:
        """Return the key `name` with its parts filled in; raises KeyError for an unknown name or part."""
        return _TEMPLATES[name].format(p=self.prefix, rq=self.rq, **parts)

    def queue_name(self, capability: str, priority: str) -> str:
        """Return the name of the RQ queue for a capability and a priority."""
        return f"{self.prefix}.{capability}.{priority}"

    @property
    def queue_name_prefix(self) -> str:
        """What the names of all our RQ queues begin with."""
        return f"{self.prefix}."

    @cached_property
    def lua_functions(self) -> dict[str, str]:
        """Lua source of one function a key, by name: `K.task(owner, task)` returns the key."""
        return {name: self._lua(name, template) for name, template in _TEMPLATES.items()}

    def _lua(self, name: str, template: str) -> str:
        bound = template.replace("{p}", self.prefix).replace("{rq}", self.rq)
        parts = _PLACEHOLDER.findall(bound)
        pieces = [
            piece if index % 2 else f"'{piece}'"
            for index, piece in enumerate(_PLACEHOLDER.split(bound))
            if piece or index % 2
        ]
        return f"function K.{name}({', '.join(parts)}) return {' .. '.join(pieces)} end"
