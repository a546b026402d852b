-- How a delivery went: it is over, is tried again later, or has become a dead letter.
-- Uses: time, tell, text, webhook
-- KEYS[1] the webhooks. ARGV: 1 leader's token, 2 name, 3 place among those that wait or 'test', 4 'delivered', 'again' or
--   'dead', 5 ms until the next try, 6 what went wrong, 7 tries in vain after which it is told.
-- Reply: 'ok', or 'stale' where it is no longer what comes next, or the caller leads no more.
-- Invariants: whoever delivered may say so, leading or not; only the leader gives up. No more dead letters are kept than
--   the bound says, the youngest.
local name, place, how, said = ARGV[2], ARGV[3], ARGV[4], cut(ARGV[6], 500)
local key, out, hook = K.webhook(name), K.webhook_out(name), hook_of(name)
if not hook then return 'stale' end
if place == 'test' then
  if hook.tester == '' then return 'stale' end
  redis.call('HDEL', key, 'tester')
  tell('webhook.tested', hook.tester, '', name, '', '', 'controller', said == '' and 'delivered' or said)
  return 'ok'
end
local head = redis.call('XRANGE', out, place, place)
if #head == 0 or (how ~= 'delivered' and redis.call('GET', K.leader()) ~= ARGV[1]) then return 'stale' end
redis.call('HDEL', key, 'retry_at')
redis.call('HSET', key, 'error', said)
if how == 'delivered' then
  redis.call('XDEL', out, place)
  redis.call('HSET', key, 'tries', '0', 'delivered_at', NOW_TEXT, 'failing', '0')
  redis.call('HINCRBY', key, 'delivered', 1)
  if hook.failing == '1' then tell('webhook.recovered', '', '', name, '', '', 'controller', '') end
  return 'ok'
end
local tries = redis.call('HINCRBY', key, 'tries', 1)
if hook.failing ~= '1' and (how == 'dead' or tries >= tonumber(ARGV[7])) then
  redis.call('HSET', key, 'failing', '1')
  tell('webhook.failing', '', '', name, '', '', 'controller', said)
end
if how == 'again' then
  redis.call('HSET', key, 'retry_at', num(NOW + tonumber(ARGV[5])))
  return 'ok'
end
redis.call('XADD', K.webhook_dead(name), 'MAXLEN', BOUNDS.dead_letters, '*', 'tries', num(tries), 'error', said,
  unpack(head[1][2]))
redis.call('XDEL', out, place)
redis.call('HSET', key, 'tries', '0')
redis.call('HINCRBY', key, 'failed', 1)
return 'ok'
