-- Add what a person says to a workflow's chat, or replace what they said, and bring it to its steps that run and listen.
-- Uses: time, tell, text, find, workflow, say
-- KEYS[1] the workflows. ARGV: 1 workflow, 2 actor, 3 version, 4 type, 5 text, 6 id of the message it belongs to or '', 7 id of
--   the message it replaces or '', 8 attachments as JSON or '', 9 metadata as JSON or '', then the name and the task of each
--   step that listens, of the workflow as it was in that version.
-- Reply: {'missing'}, {'stale'}, {'unknown', id}, {'foreign', who wrote it} or {'said', id, phase}.
-- Invariants: nothing that was said is lost: an edit is a new entry; only the author edits; the workflow stays as it is. A step
--   that runs finds it in its task's chat, once; any other finds it here when it begins, so none is told twice.
local w = find_workflow(ARGV[1])
if not w then return {'missing'} end
if tonumber(ARGV[3]) ~= w.version then return {'stale'} end
local chat = K.workflow_chat(w.owner, w.id)
local actor, kind, text, edits = ARGV[2], ARGV[4], ARGV[5], ARGV[7]
local refused = misplaced(chat, actor, ARGV[6], edits)
if refused then return refused end

local names, running = {}, {}
for i = 10, #ARGV, 2 do
  local t = find(ARGV[i + 1])
  if t and t.status == 'running' then
    names[#names + 1] = ARGV[i]
    running[#running + 1] = t
  end
end
local more = {'attachments', ARGV[8], 'metadata', ARGV[9]}
local id = say_in(chat, '', 'user', actor, kind, text, ARGV[6],
  {'edits', edits, 'told', #names > 0 and cjson.encode(names) or '', unpack(more)})
local origin = edits ~= '' and edits or id
for _, t in ipairs(running) do
  say(t, 'user', actor, kind, text, '', {'origin', origin, unpack(more)})
  redis.call('HINCRBY', t.key, 'mail', 1)
  nudge(t)
end
tell('workflow.message', w.owner, '', cut(w.title, 120), '', '', actor, cut(text, 300), w.id)
return {'said', id, w.phase}
