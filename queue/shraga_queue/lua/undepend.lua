-- Let a task wait for others no more, or unlink it from them.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, then the other tasks, which may be gone.
-- Reply: {'ok', status}, {'missing', id} of the task, or, with nothing changed, {'apart', id} of one it does not depend on.
-- Invariants: a blocked task that waits for nothing more goes on in this script.
local t = find(ARGV[1])
if not t then return {'missing', ARGV[1]} end
for i = 3, #ARGV do
  if redis.call('HEXISTS', K.needs(t.owner, t.id), ARGV[i]) == 0 then return {'apart', ARGV[i]} end
end
for i = 3, #ARGV do
  untie(t.owner, t.id, ARGV[i])
  audit(ARGV[2], 'undepend', 'task', t.id, '', '', 'on ' .. ARGV[i])
end
redis.call('HSET', t.key, 'updated_at', NOW_TEXT, 'updated_by', ARGV[2])
t.version = redis.call('HINCRBY', t.key, 'version', 1)
go_on(t, ARGV[2])
flush()
return {'ok', t.status}
