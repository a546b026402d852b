-- What the leading controller delivers next to a webhook: a test, what waits, or what has happened since.
-- Uses: time, tell, webhook
-- KEYS[1] the webhooks. ARGV: 1 leader's token, 2 name, 3 how many events to look at.
-- Reply: {'off'} when the caller leads no more or the webhook is paused or gone; {'idle', the last event it has come to};
--   {'wait', ms until the next try}; {'send', now in ms, place among those that wait or 'test', tries so far, url, form,
--   secret, fields as a flat list, the first one 'event' with its id}.
-- Invariants: what is wanted waits, as a copy, in the same call in which the group goes on past it, so that neither a
--   crash nor a trimmed stream loses it; what had been trimmed away before is counted and told.
if redis.call('GET', K.leader()) ~= ARGV[1] then return {'off'} end
local name, batch = ARGV[2], tonumber(ARGV[3])
local key, out, hook = K.webhook(name), K.webhook_out(name), hook_of(name)
if not hook or hook.active ~= '1' then return {'off'} end

local function send(place, tries, cells)
  return {'send', NOW, place, tonumber(tries) or 0, hook.url, hook.form, hook.secret, cells}
end

-- Other hands may have deleted the stream, and the group with it.
local function read()
  local found = redis.pcall('XREADGROUP', 'GROUP', name, 'leader', 'COUNT', batch, 'NOACK', 'STREAMS', K.events(), '>')
  if found and found.err then
    redis.call('XGROUP', 'CREATE', K.events(), name, '0', 'MKSTREAM')
    found = redis.call('XREADGROUP', 'GROUP', name, 'leader', 'COUNT', batch, 'NOACK', 'STREAMS', K.events(), '>')
  end
  return found and found[1][2] or {}
end

local function look_on()
  local added, gone = told_so_far()
  local place = math.min(tonumber(hook.place), added)
  local missed = gone - place
  local entries = read()
  for _, entry in ipairs(entries) do
    if wants(hook, cell_of(entry, 'type'), cell_of(entry, 'recipient')) then
      redis.call('XADD', out, '*', 'event', entry[1], unpack(entry[2]))
    end
  end
  if missed > 0 then
    redis.call('HINCRBY', key, 'missed', missed)
    tell('webhook.missed', '', '', name, '', '', 'controller', missed .. ' events were gone before they could be looked at')
  end
  if #entries > 0 or missed > 0 then redis.call('HSET', key, 'place', num(math.max(place, gone) + #entries)) end
  return entries
end

if hook.tester ~= '' then
  return send('test', 0, {'event', NOW_TEXT .. '-test', 'type', 'webhook.test', 'recipient', hook.tester, 'name', name,
    'by', hook.tester, 'content', 'This is a test.'})
end
local head = redis.call('XRANGE', out, '-', '+', 'COUNT', 1)
if #head == 0 then
  look_on()
  head = redis.call('XRANGE', out, '-', '+', 'COUNT', 1)
end
if #head == 0 then return {'idle', cursor_of(name)} end
local wait = (tonumber(hook.retry_at) or 0) - NOW
if wait > 0 then return {'wait', wait} end
return send(head[1][1], hook.tries, head[1][2])
