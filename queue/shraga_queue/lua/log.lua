-- Append lines to a run's log.
-- Uses: time, tell, text, find
-- KEYS[1] the log. ARGV: 1 task, 2 fence, then source, level, message, metadata JSON for each line.
-- Reply: 'ok', or 'stale' when the run is no longer the caller's.
-- Invariants: a late or orphaned run writes nothing.
local t = find(ARGV[1])
if not holds(t, ARGV[2]) then return 'stale' end
local key = K.log(t.owner, t.id, t.attempt)
for i = 3, #ARGV, 4 do
  local entry = {'source', ARGV[i], 'message', ARGV[i + 2]}
  if ARGV[i + 1] ~= 'info' then entry[5] = 'level'; entry[6] = ARGV[i + 1] end
  if ARGV[i + 3] ~= '' then entry[#entry + 1] = 'metadata'; entry[#entry + 1] = ARGV[i + 3] end
  redis.call('XADD', key, '*', unpack(entry))
end
return 'ok'
