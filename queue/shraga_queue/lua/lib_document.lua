-- Where a document is found, by tag and by repository, and what is said of one that is not there.
-- KEYS: none. ARGV: none. Reply: none; a library. Invariants: looking changes nothing.
local function tags_of(text)
  local tags = {}
  for tag in string.gmatch(text or '', '[^,]+') do tags[#tags + 1] = tag end
  return tags
end

-- The newest content of a document, or ''.
local function content_of(id)
  local newest = redis.call('XREVRANGE', K.document_versions(id), '+', '-', 'COUNT', 1)[1]
  if not newest then return '' end
  for i = 1, #newest[2], 2 do
    if newest[2][i] == 'content' then return newest[2][i + 1] end
  end
  return ''
end

-- What to reply where one of the documents named by the keys after the first is not there; nil where all are.
local function unknown_document()
  for i = 2, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 0 then
      local reply = {'unknown', i - 1, redis.call('ZCARD', K.documents())}
      for _, id in ipairs(redis.call('ZREVRANGE', K.documents(), 0, 2)) do
        reply[#reply + 1] = id
        reply[#reply + 1] = redis.call('HGET', K.document(id), 'title') or ''
      end
      return reply
    end
  end
end
