"""What people do with workflows: submit, pause, cancel, retry, skip, add, talk; flows without a network."""

from __future__ import annotations

import json
from collections.abc import Sequence

from shraga_models import (
    Message,
    NewMessage,
    NewWorkflow,
    OnFailure,
    Phase,
    TaskStatus,
    Workflow,
    WorkflowStep,
    new_id,
)
from shraga_models.workflow import ENRICH, MAX_STEPS, PLAN, check_order, following

from . import codec
from .calls import Argument, Call, Flow, as_is
from .errors import InvalidInput, NotFound, Refused
from .stream_codec import read_chat
from .submission import check_owner, job_data
from .talk import message_cells, read_said
from .workflow_codec import SPEC, StepRow, WorkflowTree, step_task, steps_json
from .workflow_moves import MOVES_AT_ONCE, WorkflowMoves, ended_already, is_to_blame, no_such_workflow


class WorkflowOperations(WorkflowMoves):
    """Every operation on workflows, made by one user."""

    def submit(self, new: NewWorkflow, owner: str | None = None) -> Flow[Workflow]:
        """Accept a workflow and move it on as far as it goes; raises InvalidInput for a document that is not there."""
        workflow_id = new_id()
        steps = [one for one in (new.enrich, new.plan, *new.steps) if one is not None]
        named = [*new.documents, *(name for one in steps for name in one.documents)]
        yield from self.operations.check_documents(named)
        spec = {
            field: value
            for field, value in new.model_dump(mode="json", exclude_defaults=True).items()
            if field in SPEC
        }
        args: list[Argument] = [workflow_id, check_owner(owner or self.user), self.user, new.title]
        args += ["spec", json.dumps(spec), "context", json.dumps(new.context)]
        args += ["steps", steps_json(new.steps)]
        yield Call(as_is, "workflow_submit", self._all(), tuple(args))
        return (yield from self.advance(workflow_id))

    def pause(self, workflow_id: str) -> Flow[Workflow]:
        """Let no further task of a workflow begin; those that run go on. Raises NotFound or Refused."""
        workflow = yield from self.get(workflow_id)
        yield from self._hold(workflow_id, "pause", workflow)
        return (yield from self.advance(workflow_id))

    def resume(self, workflow_id: str) -> Flow[Workflow]:
        """Let a paused workflow go on; raises NotFound or Refused."""
        workflow = yield from self.get(workflow_id)
        yield from self._hold(workflow_id, "resume", workflow)
        return (yield from self.advance(workflow_id))

    def cancel(self, workflow_id: str, reason: str = "") -> Flow[Workflow]:
        """Cancel a workflow and all its tasks that have not ended; raises NotFound or Refused."""
        workflow = yield from self.get(workflow_id)
        args = (workflow_id, self.user, "", "cancel", reason, "error", reason)
        reply = yield Call(as_is, "workflow_move", self._all(), args)
        if codec.text(reply[0]) == "refused":
            raise ended_already(workflow.id, codec.text(reply[1]))
        return (yield from self.advance(workflow_id))

    def retry(self, workflow_id: str, step: str | None = None) -> Flow[Workflow]:
        """Run a step and all that come after it again; what has failed first where none is named.

        Raises NotFound, InvalidInput for an unknown step, and Refused while one of them runs, or where the step comes
        after one that went wrong and would be skipped again.
        """
        tree = yield from self.tree(workflow_id)
        workflow, name = tree.workflow, step or _first_to_blame(tree)
        if name not in workflow.tasks:
            raise InvalidInput(
                "step", f"step: there is no step {name!r}: it has {', '.join(workflow.tasks)}."
            )
        if name in (ENRICH, PLAN):
            if workflow.steps:
                raise Refused(
                    f"The workflow {workflow_id} is planned already; retry it from one of its steps."
                )
            move, again = ("replan" if name == PLAN else "reenrich"), [name]
        else:
            _refuse_in_vain(tree, name)
            move, again = "retry", following(workflow.steps, name)
        left = tuple(one for one in workflow.skipped if one not in again)
        yield from self._again(workflow, move, name, again, left)
        return (yield from self.advance(workflow_id))

    def skip_step(self, workflow_id: str, step: str) -> Flow[Workflow]:
        """Leave out a step that does not run; what comes after it goes on. Raises NotFound, InvalidInput or Refused."""
        tree = yield from self.tree(workflow_id)
        workflow = tree.workflow
        statuses = {one.name: one.status for one in tree.steps}
        if step not in {one.name for one in workflow.steps}:
            raise InvalidInput("step", f"step: there is no step {step!r} to skip.")
        if statuses[step] == TaskStatus.COMPLETED:
            raise Refused(f"The step {step!r} is completed already; there is nothing to skip.")
        waiting = (TaskStatus.BLOCKED, TaskStatus.SKIPPED)
        freed = [
            name
            for name in following(workflow.steps, step)[1:]
            if statuses[name] in waiting and name not in workflow.skipped
        ]
        skipped = (*workflow.skipped, *(() if step in workflow.skipped else (step,)))
        yield from self._again(workflow, "skip", step, freed, skipped, workflow.task_id(step))
        return (yield from self.advance(workflow_id))

    def _again(
        self,
        workflow: Workflow,
        move: str,
        content: str,
        names: Sequence[str],
        skipped: Sequence[str],
        left_out: str = "",
    ) -> Flow[None]:
        then = workflow.model_copy(update={"skipped": tuple(skipped)})
        args: list[Argument] = [workflow.id, self.user, workflow.version, move, content]
        args += [json.dumps(skipped), left_out]
        for name in names:
            edges = then.edges(name) if name not in (ENRICH, PLAN) else ()
            task_id = workflow.task_id(name)
            args += [task_id, job_data(task_id), _timeout(workflow, name), 2 * len(edges)]
            args += [cell for edge in edges for cell in (edge.task_id, edge.kind.value)]
        reply = yield Call(as_is, "workflow_again", self._all(), tuple(args))
        _raise_unless_done(workflow, codec.text(reply[0]), codec.text(reply[1]))

    def add_step(self, workflow_id: str, step: WorkflowStep) -> Flow[Workflow]:
        """Add a step to a workflow that is planned or under way.

        Raises NotFound, InvalidInput for a step that does not fit in, and Refused.
        """
        workflow = yield from self.get(workflow_id)
        steps = (*workflow.steps, step)
        if len(steps) > MAX_STEPS:
            raise InvalidInput("steps", f"steps: a workflow has at most {MAX_STEPS} of them.")
        try:
            check_order(steps)
        except ValueError as error:
            said = str(error).partition(": ")[2]
            raise InvalidInput("step", f"step: {said}.") from None
        step_task(workflow.model_copy(update={"steps": steps}), step, len(steps))
        yield from self.operations.check_documents(step.documents)
        args = (workflow_id, self.user, workflow.version, "add", step.name, "steps", steps_json(steps))
        reply = yield Call(as_is, "workflow_move", self._all(), args)
        _raise_unless_done(workflow, codec.text(reply[0]), codec.text(reply[1]))
        return (yield from self.advance(workflow_id))

    def say(self, workflow_id: str, new: NewMessage) -> Flow[Message]:
        """Add a message to a workflow's chat, or replace one's own; the steps that run and can listen are told.

        Raises NotFound, InvalidInput or Refused.
        """
        for _ in range(MOVES_AT_ONCE):
            workflow = yield from self.get(workflow_id)
            args: list[Argument] = [workflow_id, self.user, workflow.version, *message_cells(new)]
            args += (cell for listener in workflow.listeners.items() for cell in listener)
            reply = yield Call(as_is, "workflow_say", self._all(), tuple(args))
            if codec.text(reply[0]) != "stale":
                break
        else:
            raise _changed(workflow_id)
        entry_id = read_said(reply, new)
        if entry_id is None:
            raise no_such_workflow(workflow_id)
        (message,) = yield from self._chat(workflow_id, entry_id, entry_id)
        return message

    def chat(self, workflow_id: str, tail: int | None = None) -> Flow[tuple[Message, ...]]:
        """Return a workflow's chat, oldest first, edits in the place of what they replace; raises NotFound."""
        messages = yield from self._chat(workflow_id)
        return messages if tail is None else messages[-max(1, tail) :]

    def _chat(self, workflow_id: str, first: str = "-", last: str = "+") -> Flow[tuple[Message, ...]]:
        workflow = yield from self.get(workflow_id)
        key = self.keys.make("workflow_chat", owner=workflow.owner, workflow=workflow_id)
        entries = yield Call(as_is, command=("XRANGE", key, first, last))
        return read_chat(None, entries, workflow_id=workflow_id)


def _first_to_blame(tree: WorkflowTree) -> str:
    """The step to retry from where none is named."""
    for ended in (lambda status: is_to_blame(status), lambda status: status == TaskStatus.SKIPPED):
        for step in tree.steps:
            if ended(step.status) and not step.is_skipped:
                return step.name
    if tree.workflow.phase is Phase.FAILED and not tree.workflow.steps:
        return tree.steps[-1].name
    raise Refused(f"No step of the workflow {tree.workflow.id} has failed; name the step to run again from.")


def _refuse_in_vain(tree: WorkflowTree, name: str) -> None:
    workflow, steps = tree.workflow, {one.name: one for one in tree.steps}
    if workflow.step(name).on_prerequisite_failure is OnFailure.BLOCK:
        return
    cause = name
    while bad := [one for one in steps[cause].after if _went_wrong(steps[one])]:
        cause = bad[0]
    if cause != name:
        raise Refused(
            f"The step {name!r} comes after {cause!r}, which is {steps[cause].status}, and would be skipped again: "
            f"run that one again with `shraga workflow retry {workflow.id} --from {cause}`, or leave it out with "
            f"`shraga workflow skip {workflow.id} {cause}`."
        )


def _went_wrong(step: StepRow) -> bool:
    return not step.is_skipped and (is_to_blame(step.status) or step.status == TaskStatus.SKIPPED)


def _raise_unless_done(workflow: Workflow, answer: str, said: str) -> None:
    if answer == "busy":
        name = next(name for name, task_id in workflow.tasks.items() if task_id == said)
        raise Refused(f"The step {name!r} is under way; cancel its task {said} first, or wait for it.")
    if answer == "stale":
        raise _changed(workflow.id)
    if answer == "refused":
        raise Refused(f"The workflow {workflow.id} is {said}; that cannot be done now.")
    if answer == "missing":
        raise NotFound(f"There is no workflow {workflow.id!r} any more.")


def _changed(workflow_id: str) -> Refused:
    return Refused(f"The workflow {workflow_id} has changed at the same moment; look again and repeat it.")


def _timeout(workflow: Workflow, name: str) -> int:
    step = {ENRICH: workflow.enrich, PLAN: workflow.plan}.get(name) or workflow.step(name)
    return int(step.limits.timeout) or 1
