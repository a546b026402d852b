-- The ids of the workflows that moved last.
-- Uses: time
-- KEYS[1] the workflows. ARGV: 1 how many at most, then the phases.
-- Reply: ids, the one that moved last first.
-- Invariants: looking changes nothing.
-- Read only.
local found = {}
for i = 2, #ARGV do
  local some = redis.call('ZREVRANGE', K.workflow_index(ARGV[i]), 0, ARGV[1] - 1, 'WITHSCORES')
  for j = 1, #some, 2 do found[#found + 1] = {tonumber(some[j + 1]), some[j]} end
end
table.sort(found, function(a, b) if a[1] == b[1] then return a[2] > b[2] end return a[1] > b[1] end)
local reply = {}
for i = 1, math.min(#found, tonumber(ARGV[1])) do reply[i] = found[i][2] end
return reply
