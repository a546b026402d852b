-- Remove a document with all its versions.
-- Uses: time, tell, document
-- KEYS[1] the documents. ARGV: 1 id, 2 actor.
-- Reply: 1, or 0 when there is none.
-- Invariants: nothing is left of it but the event and the audit entry.
local id, key = ARGV[1], K.document(ARGV[1])
local got = redis.call('HMGET', key, 'title', 'tags', 'repository', 'version')
if not got[1] then return 0 end
for _, tag in ipairs(tags_of(got[2])) do redis.call('ZREM', K.documents_tagged(tag), id) end
redis.call('ZREM', K.documents_of(got[3]), id)
redis.call('ZREM', K.documents(), id)
redis.call('UNLINK', key, K.document_versions(id))
tell('document.changed', '', '', got[1], '', '', ARGV[2], 'removed')
audit(ARGV[2], 'remove', 'document', id, got[4], '', got[1])
return 1
