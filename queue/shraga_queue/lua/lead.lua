-- Become or stay the leading controller, or step down.
-- KEYS[1] the leader. ARGV: 1 own token, 2 lease in ms, or 0 to step down.
-- Reply: 1 when the caller leads now, 2 when it has just begun to, 0 when another does.
-- Invariants: only the owner of the token extends or ends its lease.
local current = redis.call('GET', KEYS[1])
if ARGV[2] == '0' then
  if current == ARGV[1] then redis.call('DEL', KEYS[1]) end
  return 0
end
if current == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 2 end
return 0
