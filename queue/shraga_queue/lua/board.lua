-- Pages of several columns at once, each a union of statuses, newest move first.
-- Uses: time, text, rows, union
-- KEYS[1] any index. ARGV: 1 owner or '', then for each column: statuses joined by ',', first rank, how many.
-- Reply: {now in ms, for each column {total, row, row ...}}.
-- Invariants: looking changes nothing; the work depends on the rows asked for, not on the tasks there are.
-- Read only.
local reply = {NOW}
for i = 2, #ARGV, 3 do
  local list = union(indexes(ARGV[i], ARGV[1]), '-inf', '+inf', false)
  local column, count = {list.total}, tonumber(ARGV[i + 2])
  if count > 0 then enter_at(list, tonumber(ARGV[i + 1])) end
  for _ = 1, count do
    local id, part = following(list)
    if not id then break end
    column[#column + 1] = row(id, part.owner)
  end
  reply[#reply + 1] = column
end
return reply
