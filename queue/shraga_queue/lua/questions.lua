-- The open questions, the ones asked first first.
-- Uses: time
-- KEYS[1] the questions. ARGV: 1 how many at most, 2 owner or ''.
-- Reply: {now in ms, {task, owner, task's name, question as JSON}...}.
-- Invariants: looking changes nothing.
-- Read only.
local reply = {NOW}
for _, task in ipairs(redis.call('ZRANGE', K.questions(), 0, -1)) do
  if #reply > tonumber(ARGV[1]) then break end
  local owner = redis.call('HGET', K.owners(), task)
  if owner and (ARGV[2] == '' or owner == ARGV[2]) then
    local got = redis.call('HMGET', K.task(owner, task), 'name', 'question')
    if got[2] then reply[#reply + 1] = {task, owner, got[1] or '', got[2]} end
  end
end
return reply
