-- Add what a person says to a task's chat, or replace what they said.
-- Uses: time, tell, text, find, say
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, 3 type, 4 text, 5 id of the message it belongs to or '', 6 id of the message it
--   replaces or '', 7 attachments as JSON or '', 8 metadata as JSON or ''.
-- Reply: {'missing'}, {'unknown', id}, {'foreign', who wrote it} or {'said', id, status}.
-- Invariants: nothing that was said is lost: an edit is a new entry; only the author edits.
local t = find(ARGV[1])
if not t then return {'missing'} end
local refused = misplaced(K.chat(t.owner, t.id), ARGV[2], ARGV[5], ARGV[6])
if refused then return refused end
local id = say(t, 'user', ARGV[2], ARGV[3], ARGV[4], ARGV[5],
  {'edits', ARGV[6], 'attachments', ARGV[7], 'metadata', ARGV[8]})
redis.call('HINCRBY', t.key, 'mail', 1)
tell('task.message', t.owner, t.id, t.name, t.status, t.attempt, ARGV[2], cut(ARGV[4], 300))
nudge(t)
return {'said', id, t.status}
