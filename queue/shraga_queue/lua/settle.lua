-- Go on with what ended tasks have left to release or to skip.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the owners. ARGV: tasks.
-- Reply: the status of each of the tasks, '' where one is gone.
-- Invariants: anybody may do it at any time: what has been gone through already is not gone through again.
resume()
flush()
local reply = {}
for _, id in ipairs(ARGV) do
  local t = find(id)
  reply[#reply + 1] = t and t.status or ''
end
return reply
