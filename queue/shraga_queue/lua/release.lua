-- Do what is due: queue what waited for its time, skip what expired; go on with what ended tasks have left to release.
-- Uses: time, put, tell, rq, text, find, move, edges, depend
-- KEYS[1] the due times. ARGV: 1 leader's token, 2 how many at most.
-- Reply: {how many were done, ms until the next is due or -1}, or nil when the caller leads no more.
-- Invariants: a due entry goes only with the move it stands for.
if redis.call('GET', K.leader()) ~= ARGV[1] then return nil end
local done = 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', K.due(), '-inf', NOW, 'LIMIT', 0, ARGV[2])) do
  local expiring = string.sub(member, 1, 7) == 'expire:'
  local t = find(expiring and string.sub(member, 8) or member)
  if t and expiring and MOVES.expire.from[t.status] then
    redis.call('HSET', t.key, 'run', 'expired', 'finished_at', num(NOW))
    move(t, 'expire', 'controller', 'expired before it started', {}, {'ended_at', stamp(NOW)}, 0)
  elseif t and not expiring and t.status == 'scheduled' then
    move(t, 'release', 'controller', '', {'enqueued_at', num(NOW)}, {'enqueued_at', stamp(NOW)}, 0)
  end
  redis.call('ZREM', K.due(), member)
  -- A task may be due and expire at once; its second move has to find the first one made.
  flush()
  done = done + 1
end
local resumed = resume()
local upcoming = redis.call('ZRANGE', K.due(), 0, 0, 'WITHSCORES')
return {done + resumed, upcoming[2] and math.max(0, tonumber(upcoming[2]) - NOW) or -1}
