-- A page of the tasks of some statuses and owners, by last move.
-- Uses: time, text, rows, union
-- KEYS[1] any index. ARGV: 1 'newest' or 'oldest' first, 2 moved longer ago than (ms) or '', 3 moved within (ms) or '',
--   4 pin: only what moved up to then (ms) or '', 5 first rank, 6 how many, 7 statuses, 8 owners or '', joined by ','.
-- Reply: {now in ms, total, how many moved after the pin, row, row ...}; a row that is gone is ''.
-- Invariants: looking changes nothing; the work depends on the rows asked for, not on the tasks there are.
-- Read only.
local low, high = between(ARGV[2], ARGV[3])
local newer, pin, found = 0, ARGV[4], indexes(ARGV[7], ARGV[8])
if pin ~= '' and (high == '+inf' or tonumber(pin) < tonumber(high)) then
  for _, index in ipairs(found) do newer = newer + redis.call('ZCOUNT', index.key, '(' .. pin, high) end
  high = pin
end
local list = union(found, low, high, ARGV[1] == 'oldest')
local count = tonumber(ARGV[6])
local reply = {NOW, list.total, newer}
if count > 0 then
  list.chunk = count
  enter_at(list, tonumber(ARGV[5]))
  if #list.parts > 1 then list.chunk = math.min(count, CHUNK) end
end
for _ = 1, count do
  local id, part = following(list)
  if not id then break end
  reply[#reply + 1] = row(id, part.owner) or ''
end
return reply
