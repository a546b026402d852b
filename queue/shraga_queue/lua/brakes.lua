-- The brakes that are on, and how many tasks each has parked.
-- KEYS[1] the brakes. ARGV: none.
-- Reply: {brakes as a flat list of name and JSON, then name of a brake and how many for each parking}.
-- Invariants: looking changes nothing.
-- Read only.
local reply = {redis.call('HGETALL', K.brakes())}
for _, parking in ipairs(redis.call('SMEMBERS', K.parkings())) do
  local brake, queue = string.match(parking, '^(%S+) (%S+)$')
  reply[#reply + 1] = brake
  reply[#reply + 1] = redis.call('LLEN', K.parking(brake, queue))
end
return reply
