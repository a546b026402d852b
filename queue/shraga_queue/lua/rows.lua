-- The rows of some tasks, as they are now.
-- Uses: time, text, rows
-- KEYS[1] the owners. ARGV: ids.
-- Reply: {now in ms, row, row ...}; a task that is gone is ''.
-- Invariants: looking changes nothing.
-- Read only.
local reply = {NOW}
for _, id in ipairs(ARGV) do reply[#reply + 1] = row(id) or '' end
return reply
