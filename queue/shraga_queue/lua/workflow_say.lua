-- Add what a person says to a workflow's chat, or replace what they said.
-- Uses: time, tell, text, workflow, say
-- KEYS[1] the workflows. ARGV: 1 workflow, 2 actor, 3 type, 4 text, 5 id of the message it belongs to or '', 6 id of the
--   message it replaces or '', 7 attachments as JSON or '', 8 metadata as JSON or ''.
-- Reply: {'missing'}, {'unknown', id}, {'foreign', who wrote it} or {'said', id, phase}.
-- Invariants: nothing that was said is lost: an edit is a new entry; only the author edits; the workflow stays as it is.
local w = find_workflow(ARGV[1])
if not w then return {'missing'} end
local chat = K.workflow_chat(w.owner, w.id)
local refused = misplaced(chat, ARGV[2], ARGV[5], ARGV[6])
if refused then return refused end
local id = say_in(chat, '', 'user', ARGV[2], ARGV[3], ARGV[4], ARGV[5],
  {'edits', ARGV[6], 'attachments', ARGV[7], 'metadata', ARGV[8]})
tell('workflow.message', w.owner, '', cut(w.title, 120), '', '', ARGV[2], cut(ARGV[4], 300), w.id)
return {'said', id, w.phase}
