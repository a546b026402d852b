-- Events after a place in a stream, and whether some between were trimmed away.
-- KEYS[1] the stream. ARGV: 1 id after which to read, 2 how many at most.
-- Reply: {1 when entries after the id are gone, entries}.
-- Invariants: looking changes nothing.
-- Read only.
local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
local gap = 0
if ARGV[1] ~= '0-0' and #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 and #entries > 0 then
  gap = entries[1][1] == redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1] and 1 or 0
end
return {gap, entries}
