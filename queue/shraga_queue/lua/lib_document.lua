-- Where a document is found: by tag and by repository.
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
