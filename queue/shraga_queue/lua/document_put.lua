-- Keep a document, new or changed.
-- Uses: time, tell, document
-- KEYS[1] the documents. ARGV: 1 id, 2 actor, 3 the version that was changed, 0 for a new one, 4 title, 5 type, 6 address of
--   the repository, 7 its name, 8 tags, 9 metadata, 10 characters of the content, 11 content.
-- Reply: {'ok' | 'missing' | 'stale', version}.
-- Invariants: of two changes of one version the second is refused; the indexes, the record and its versions agree; no more
--   versions are kept than the bound says.
local id, actor, before = ARGV[1], ARGV[2], tonumber(ARGV[3])
local key = K.document(id)
local got = redis.call('HMGET', key, 'version', 'tags', 'repository')
local current = tonumber(got[1]) or 0
local version = current + 1
if current == 0 and before > 0 then return {'missing', 0} end
if current ~= before then return {'stale', current} end
for _, tag in ipairs(tags_of(got[2])) do redis.call('ZREM', K.documents_tagged(tag), id) end
if got[3] then redis.call('ZREM', K.documents_of(got[3]), id) end
redis.call('HSET', key, 'title', ARGV[4], 'type', ARGV[5], 'repository_url', ARGV[6], 'repository', ARGV[7], 'tags', ARGV[8],
  'metadata', ARGV[9], 'size', ARGV[10], 'version', num(version), 'updated_at', NOW_TEXT, 'updated_by', actor)
redis.call('HSETNX', key, 'created_at', NOW_TEXT)
redis.call('HSETNX', key, 'created_by', actor)
redis.call('XADD', K.document_versions(id), 'MAXLEN', BOUNDS.document_versions, num(version) .. '-0', 'at', NOW_TEXT, 'by', actor,
  'title', ARGV[4], 'size', ARGV[10], 'content', ARGV[11])
redis.call('ZADD', K.documents(), NOW, id)
redis.call('ZADD', K.documents_of(ARGV[7]), NOW, id)
for _, tag in ipairs(tags_of(ARGV[8])) do redis.call('ZADD', K.documents_tagged(tag), NOW, id) end
tell('document.changed', '', '', ARGV[4], '', '', actor, 'version ' .. version)
audit(actor, before == 0 and 'add' or 'edit', 'document', id, num(before), num(version), ARGV[4])
return {'ok', version}
