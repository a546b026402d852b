-- Documents without their content, the ones changed last first; or one with the content of its newest version.
-- Uses: document
-- KEYS[1] the documents. ARGV: 1 how many at most, 2 id or '', 3 '1' where a repository is asked for, 4 its name, then tags,
--   all of which a document has to have.
-- Reply: {{id, its fields as a flat list, content or ''}...}.
-- Invariants: looking changes nothing.
-- Read only.
if ARGV[2] ~= '' then
  local fields = redis.call('HGETALL', K.document(ARGV[2]))
  return #fields > 0 and {{ARGV[2], fields, content_of(ARGV[2])}} or {}
end
local index = K.documents()
if ARGV[3] == '1' then index = K.documents_of(ARGV[4]) elseif ARGV[5] then index = K.documents_tagged(ARGV[5]) end
local reply = {}
for _, id in ipairs(redis.call('ZREVRANGE', index, 0, -1)) do
  if #reply >= tonumber(ARGV[1]) then break end
  local fits = true
  for i = 5, #ARGV do fits = fits and redis.call('ZSCORE', K.documents_tagged(ARGV[i]), id) end
  if fits then reply[#reply + 1] = {id, redis.call('HGETALL', K.document(id)), ''} end
end
return reply
