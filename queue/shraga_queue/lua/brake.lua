-- Put a brake on a task, on an owner or on everything, or release it.
-- Uses: time, put, tell, rq, text, find, brake
-- KEYS[1] the brakes. ARGV: 1 'on' or 'off', 2 'all', 'owner:<name>' or 'task:<id>', 3 actor, 4 reason, 5 how many parked
--   tasks go back to their queues at most.
-- Reply: {'on' | 'off' | 'missing' | 'ended', 1 if that is new, how many are still parked}.
-- Invariants: from the moment of the reply nothing under the brake is claimed; what runs goes on.
local on, brake, actor, reason = ARGV[1] == 'on', ARGV[2], ARGV[3], ARGV[4]
local task, owner = string.match(brake, '^task:(.+)$'), string.match(brake, '^owner:(.+)$')
local t = task and find(task)
if on and task and not t then return {'missing', 0, 0} end
-- What can be run again has ended.
if on and t and MOVES.retry.from[t.status] then return {'ended', 0, 0} end
local before, new = redis.call('HGET', K.brakes(), brake), 0
if on then
  new = before and 0 or 1
  redis.call('HSET', K.brakes(), brake, cjson.encode({by = actor, at = NOW, reason = reason}))
else
  new = redis.call('HDEL', K.brakes(), brake)
end
if on or new == 1 then
  tell('brake.changed', t and t.owner or owner, task, t and t.name or brake, t and t.status or '', '', actor,
    on and cut('on: ' .. reason, 300) or 'off')
  audit(actor, on and 'brake' or 'release_brake', task and 'task' or owner and 'user' or 'organisation', task or owner or '',
    before and 'braked' or '', on and 'braked' or '', reason)
end
local left = on and 0 or bring_back(brake, tonumber(ARGV[5]))
flush()
return {on and 'on' or 'off', new, left}
