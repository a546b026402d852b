-- Add a webhook; it is told of what happens from now on.
-- Uses: time, tell, webhook
-- KEYS[1] the webhooks. ARGV: 1 name, 2 actor, 3 id, 4 how many webhooks there may be, then its fields as a flat list.
-- Reply: 'ok', 'taken' or 'full'.
-- Invariants: the webhook, its place among the webhooks and its group over the events come into being together.
local name, actor = ARGV[1], ARGV[2]
if redis.call('EXISTS', K.webhook(name)) == 1 then return 'taken' end
if redis.call('ZCARD', K.webhooks()) >= tonumber(ARGV[4]) then return 'full' end
tell('webhook.changed', '', '', name, '', '', actor, 'added')
redis.call('XGROUP', 'CREATE', K.events(), name, '$')
local added, _, last = told_so_far()
redis.call('HSET', K.webhook(name), 'id', ARGV[3], 'active', '1', 'place', num(added), 'since', last, 'created_at', NOW_TEXT,
  'updated_at', NOW_TEXT, 'created_by', actor, 'updated_by', actor, 'version', '1', unpack(ARGV, 5))
redis.call('ZADD', K.webhooks(), NOW, name)
audit(actor, 'add', 'webhook', name, '', 'active', '')
return 'ok'
