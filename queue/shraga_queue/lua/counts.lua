-- How many tasks there are in each status, the ends per minute of the last hour, and what holds all of them back.
-- Uses: time
-- KEYS[1] any index. ARGV: 1 owner or '', then statuses.
-- Reply: {now in ms, count for each status, this hour's pulse, last hour's pulse, leases, due, 1 when a controller leads,
--   the brakes on everything and on the owner as a flat list of name and JSON, 1 when RQ's workers are suspended}.
-- Invariants: looking changes nothing.
-- Read only.
local owner = ARGV[1] ~= '' and ARGV[1] or nil
local counts = {}
for i = 2, #ARGV do
  counts[#counts + 1] = redis.call('ZCARD', owner and K.user_index(owner, ARGV[i]) or K.index(ARGV[i]))
end
local brakes = {}
for _, brake in ipairs({'all', owner and 'owner:' .. owner}) do
  local set = redis.call('HGET', K.brakes(), brake)
  if set then
    brakes[#brakes + 1] = brake
    brakes[#brakes + 1] = set
  end
end
local hour = math.floor(NOW / 3600000)
return {NOW, counts, redis.call('HGETALL', K.pulse(string.format('%d', hour))),
  redis.call('HGETALL', K.pulse(string.format('%d', hour - 1))),
  redis.call('ZCARD', K.leases()), redis.call('ZCARD', K.due()), redis.call('EXISTS', K.leader()),
  brakes, redis.call('EXISTS', K.rq_suspended())}
