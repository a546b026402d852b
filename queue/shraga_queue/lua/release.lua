-- Do what is due: queue what waited for its time, skip what expired, end the wait for an answer, tell what has become
-- overdue; go on with what ended tasks have left to release.
-- Uses: time, put, tell, rq, text, find, say, move, occur, edges, depend, workflow, budget, settle, wait
-- KEYS[1] the due times. ARGV: 1 leader's token, 2 how many at most.
-- Reply: {how many were done, ms until the next is due or -1}, or nil when the caller leads no more.
-- Invariants: a due entry goes only with the move it stands for, or with the event.
if redis.call('GET', K.leader()) ~= ARGV[1] then return nil end
local done = 0

-- By the default, or, without one, by failing; returns when to look again at a run that still has its slot.
local function end_wait(t)
  local default = cjson.decode(t.question).default
  if default then
    answer(t, 'controller', 'controller', default)
    return nil
  end
  if t.status ~= 'waiting_for_input' then return NOW + 1000 end
  local said = 'nobody answered in time: ' .. cut(cjson.decode(t.question).text, 300)
  move(t, 'give_up', 'controller', said, {'error', said}, {'ended_at', stamp(NOW), 'exc_info', said}, 0)
end

local function tell_overdue(t)
  local got = redis.call('HMGET', t.key, 'due', 'assignee')
  local said = 'it was due ' .. string.sub(stamp(tonumber(got[1])), 1, 19) .. 'Z'
  if got[2] then said = said .. ', ' .. got[2] .. ' is to see to it' end
  tell('task.overdue', t.owner, t.id, t.name, t.status, t.attempt, 'controller', said)
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', K.due(), '-inf', NOW, 'LIMIT', 0, ARGV[2])) do
  local kind, id = string.match(member, '^(%a+):(.+)$')
  local t = find(id or member)
  local expiring = kind == 'expire'
  local again
  -- First: the run that follows an expired one may expire at a time of its own.
  redis.call('ZREM', K.due(), member)
  if kind == 'ask' then
    if t and t.question then again = end_wait(t) end
  elseif kind == 'overdue' then
    if t and not FINAL[t.status] then tell_overdue(t) end
  elseif t and expiring and MOVES.expire.from[t.status] then
    expire(t, 'controller')
  elseif t and not kind and t.status == 'scheduled' then
    move(t, 'release', 'controller', '', {'enqueued_at', num(NOW)}, {'enqueued_at', stamp(NOW)}, 0)
  end
  if again then redis.call('ZADD', K.due(), again, member) end
  -- A task may be due and expire at once; its second move has to find the first one made.
  flush()
  done = done + 1
end
local resumed = resume()
local upcoming = redis.call('ZRANGE', K.due(), 0, 0, 'WITHSCORES')
return {done + resumed, upcoming[2] and math.max(0, tonumber(upcoming[2]) - NOW) or -1}
