-- All workers, the ones seen last first.
-- Uses: time
-- KEYS[1] the workers. ARGV: 1 how many at most.
-- Reply: {now in ms, then for each {id, last seen in ms, its fields as a flat list}}.
-- Invariants: looking changes nothing.
-- Read only.
local reply = {NOW}
local rows = redis.call('ZREVRANGE', K.workers(), 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
for i = 1, #rows, 2 do
  reply[#reply + 1] = {rows[i], rows[i + 1], redis.call('HGETALL', K.worker(rows[i]))}
end
return reply
