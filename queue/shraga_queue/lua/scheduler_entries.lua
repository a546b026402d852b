-- The entries of rq-scheduler, the ones due first at the head.
-- Uses: time, job
-- KEYS[1] the entries. ARGV: 1 first rank, 2 how many.
-- Reply: {total, job ...} with the time it is due in s for a score; {id, score} where the job is gone.
-- Invariants: looking changes nothing.
-- Read only.
local first = tonumber(ARGV[1])
local reply = {redis.call('ZCARD', KEYS[1])}
local found = redis.call('ZRANGE', KEYS[1], first, first + tonumber(ARGV[2]) - 1, 'WITHSCORES')
for i = 1, #found, 2 do reply[#reply + 1] = shown(found[i], found[i + 1]) or {found[i], found[i + 1]} end
return reply
