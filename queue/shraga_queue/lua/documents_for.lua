-- The documents an agent is given: those named, then those with one of the tags that are the repository's or of none.
-- Uses: document
-- KEYS[1] the documents. ARGV: 1 how many at most, 2 characters of all together, 3 the repository's name, 4 how many ids, then
--   ids, then tags.
-- Reply: {{id, title, content}...}, title and content '' for a named one that is gone.
-- Invariants: looking changes nothing; each comes once; the first one that would be too much ends it.
-- Read only.
local most, room, ids = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
local reply, seen, full = {}, {}, false

local function give(id, title, size)
  if seen[id] or full then return end
  full = #reply >= most or size > room
  if full then return end
  seen[id], room = true, room - size
  reply[#reply + 1] = {id, title, size > 0 and content_of(id) or ''}
end

for i = 5, 4 + ids do
  local got = redis.call('HMGET', K.document(ARGV[i]), 'title', 'size')
  give(ARGV[i], got[1] or '', tonumber(got[2]) or 0)
end
for i = 5 + ids, #ARGV do
  for _, id in ipairs(redis.call('ZREVRANGE', K.documents_tagged(ARGV[i]), 0, -1)) do
    local got = redis.call('HMGET', K.document(id), 'title', 'size', 'repository')
    if got[3] == '' or got[3] == ARGV[3] then give(id, got[1], tonumber(got[2]) or 0) end
  end
end
return reply
