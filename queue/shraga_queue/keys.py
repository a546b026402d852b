"""Every Redis key, spelled once: Python formats them here, the scripts get the same templates as Lua."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

_TEMPLATES = {
    # The owner is part of the key, so that Redis itself can keep rows apart with ACL patterns.
    "user": "{p}:u:{owner}",
    "task": "{p}:u:{owner}:t:{task}",
    "runs": "{p}:u:{owner}:t:{task}:runs",
    "log": "{p}:u:{owner}:t:{task}:log:{attempt}",
    "chat": "{p}:u:{owner}:t:{task}:chat",
    "answers": "{p}:u:{owner}:t:{task}:answers",
    "needs": "{p}:u:{owner}:t:{task}:needs",
    "unmet": "{p}:u:{owner}:t:{task}:unmet",
    "dependents": "{p}:u:{owner}:t:{task}:dependents",
    "backlog": "{p}:u:{owner}:t:{task}:backlog",
    "user_index": "{p}:u:{owner}:tasks:{status}",
    "user_calls": "{p}:u:{owner}:calls",
    "user_events": "{p}:u:{owner}:events",
    "workflow": "{p}:u:{owner}:w:{workflow}",
    "workflow_chat": "{p}:u:{owner}:w:{workflow}:chat",
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
    "slots": "{p}:slots",
    "repeating": "{p}:repeating",
    "on": "{p}:on:{event}",
    "emitted": "{p}:emitted:{event}:{key}",
    "leases": "{p}:leases",
    "brakes": "{p}:brakes",
    "parkings": "{p}:parkings",
    "parking": "{p}:parking:{brake}:{queue}",
    "budgets": "{p}:budgets",
    "spend": "{p}:spend:{day}",
    "spenders": "{p}:spenders:{day}",
    "questions": "{p}:questions",
    "asked": "{p}:asked:{signature}",
    "forgotten": "{p}:forgotten",
    "edges": "{p}:edges",
    "releasing": "{p}:releasing",
    "pulse": "{p}:pulse:{hour}",
    "workers": "{p}:workers",
    "worker": "{p}:w:{worker}",
    "worker_names": "{p}:worker-names",
    "bell": "{p}:bell:{capability}",
    "leader": "{p}:leader",
    "documents": "{p}:documents",
    "documents_tagged": "{p}:documents:tag:{tag}",
    "documents_of": "{p}:documents:repository:{repository}",
    "document": "{p}:document:{document}",
    "document_versions": "{p}:document:{document}:versions",
    "webhooks": "{p}:webhooks",
    "webhook": "{p}:webhook:{webhook}",
    "webhook_out": "{p}:webhook:{webhook}:out",
    "webhook_dead": "{p}:webhook:{webhook}:dead",
    "read": "{p}:read",
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
    # What other programs' jobs have besides.
    "rq_intermediate": "{rq}:queue:{queue}:intermediate",
    "rq_ready": "{rq}:ready:{queue}",
    "rq_results": "{rq}:results:{task}",
    "rq_dependents": "{rq}:job:{task}:dependents",
    "rq_dependencies": "{rq}:job:{task}:dependencies",
    "rq_executions": "{rq}:executions:{task}",
    "rq_execution": "{rq}:execution:{execution}",
    "rq_worker_runs": "{rq}:worker:{rq_worker}:executions",
    "rq_rate_limited": "{rq}:rl:{limit}:rate_limited",
    "rq_group": "{rq}:group:{group}",
    "rq_stopping": "{p}:rq-stopping:{task}",
    # rq-scheduler's, which knows no other prefix.
    "scheduler_entries": "rq:scheduler:scheduled_jobs",
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

    def lua(self, name: str, *parts: str) -> str:
        """Return a Lua expression for the key `name`, made of those for its parts.

        Raises KeyError for an unknown name, ValueError for more or fewer parts than it has.
        """
        bound = _TEMPLATES[name].replace("{p}", self.prefix).replace("{rq}", self.rq)
        pieces = _PLACEHOLDER.split(bound)
        if len(parts) != len(pieces) // 2:
            raise ValueError(f"K.{name} takes {len(pieces) // 2} parts, not {len(parts)}")
        pieces[::2] = [f"'{text}'" if text else "" for text in pieces[::2]]
        pieces[1::2] = [part if part.isidentifier() else f"({part})" for part in parts]
        made = " .. ".join(filter(None, pieces))
        return f"({made})" if parts else made

    def lua_function(self, name: str) -> str:
        """Return the same as a Lua function: `K.task(owner, task)` returns the key. Raises KeyError."""
        parts = [part for part in _PLACEHOLDER.findall(_TEMPLATES[name]) if part not in ("p", "rq")]
        return f"function K.{name}({', '.join(parts)}) return {self.lua(name, *parts)} end"
