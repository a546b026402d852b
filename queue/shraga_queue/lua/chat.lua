-- Add what a run says to its task's chat.
-- Uses: time, tell, text, find, say
-- KEYS[1] the leases. ARGV: 1 task, 2 fence, 3 RQ worker name or '', then sender type, type, text, parent or '', metadata as
--   JSON or '' for each message.
-- Reply: 'ok', or 'stale' when the run is no longer the caller's.
-- Invariants: a late or orphaned run says nothing.
local t = find(ARGV[1])
if not holds(t, ARGV[2], ARGV[3]) then return 'stale' end
for i = 4, #ARGV, 5 do
  say(t, ARGV[i], ARGV[3], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], {'metadata', ARGV[i + 4]})
  tell('agent.message', t.owner, t.id, t.name, t.status, t.attempt, ARGV[3], cut(ARGV[i + 2], 300))
end
return 'ok'
