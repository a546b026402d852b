-- Accept tasks that name documents, once all of those are there.
-- Uses: document
-- Goes on as: submit
-- KEYS[1] the first task, then the documents. ARGV: those of `submit`.
-- Reply: that of `documents_unknown` where one is not there; else that of `submit`.
-- Invariants: nothing is accepted where one is not there; a repeated call after a lost reply finds its own tasks, whatever
--   has become of the documents since.
if redis.call('HEXISTS', K.owners(), ARGV[5]) == 0 then
  local unknown = unknown_document()
  if unknown then return unknown end
end
