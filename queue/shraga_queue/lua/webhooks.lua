-- All webhooks, or one, and how their deliveries stand.
-- Uses: webhook
-- KEYS[1] the webhooks. ARGV: 1 name, or '' for all.
-- Reply: for each {name, how many wait, how many dead letters are kept, how many events it has not come to, its fields}.
-- Invariants: looking changes nothing.
-- Read only.
local reply = {}
local added, gone = told_so_far()
for _, name in ipairs(ARGV[1] ~= '' and {ARGV[1]} or redis.call('ZRANGE', K.webhooks(), 0, -1)) do
  local fields = redis.call('HGETALL', K.webhook(name))
  if #fields > 0 then
    local place = tonumber(named(fields)['place']) or 0
    reply[#reply + 1] = {name, redis.call('XLEN', K.webhook_out(name)), redis.call('XLEN', K.webhook_dead(name)),
      math.max(0, added - math.max(place, gone)), fields}
  end
end
return reply
