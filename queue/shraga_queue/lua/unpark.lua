-- Bring back what is parked although its brake is off, as a release that was broken off leaves it.
-- Uses: time, put, tell, rq, text, find, brake
-- KEYS[1] the brakes. ARGV: 1 leader's token, 2 how many at most.
-- Reply: how many are left, or nil when the caller leads no more.
-- Invariants: what a brake holds stays.
if redis.call('GET', K.leader()) ~= ARGV[1] then return nil end
local left, brakes = 0, {}
for _, parking in ipairs(redis.call('SMEMBERS', K.parkings())) do
  local brake = string.match(parking, '^(%S+) ')
  if redis.call('HEXISTS', K.brakes(), brake) == 0 then brakes[brake] = true end
end
for brake in pairs(brakes) do left = left + bring_back(brake, tonumber(ARGV[2])) end
flush()
return left
