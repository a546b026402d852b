-- Whether documents are there.
-- Uses: document
-- KEYS[1] the documents, then those that have to be there. ARGV: none.
-- Reply: {} where all are; else {'unknown', which of them, counted from 1, how many documents there are, then ids and titles of
--   some, the ones changed last first}.
-- Invariants: looking changes nothing.
-- Read only.
return unknown_document() or {}
