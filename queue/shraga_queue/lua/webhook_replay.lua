-- Deliver once more: dead letters, or the events of a range that are still kept.
-- Uses: time, tell, webhook
-- KEYS[1] the webhooks. ARGV: 1 name, 2 actor, 3 'dead' or 'events', then for 'dead' the ids of events, none for all; for
--   'events' the first and the last id.
-- Reply: {'ok' | 'missing' | 'full', how many will be delivered, the id after which there is more or ''}.
-- Invariants: a dead letter leaves the dead ones as it comes to those that wait; no more wait than the bound says.
local name, actor = ARGV[1], ARGV[2]
local hook = hook_of(name)
if not hook then return {'missing', 0, ''} end
local out, room = K.webhook_out(name), BOUNDS.outbox - redis.call('XLEN', K.webhook_out(name))
if room <= 0 then return {'full', 0, ''} end
local done, upto, more = 0, '', ''

local function again(id, cells)
  if done >= room then
    more = upto
    return false
  end
  redis.call('XADD', out, '*', 'event', id, unpack(cells))
  done, upto = done + 1, id
  return true
end

if ARGV[3] == 'dead' then
  local asked = {}
  for i = 4, #ARGV do asked[ARGV[i]] = true end
  for _, letter in ipairs(redis.call('XRANGE', K.webhook_dead(name), '-', '+')) do
    local cells, id = {}, cell_of(letter, 'event')
    for i = 1, #letter[2], 2 do
      local field = letter[2][i]
      if field ~= 'event' and field ~= 'tries' and field ~= 'error' then
        cells[#cells + 1] = field
        cells[#cells + 1] = letter[2][i + 1]
      end
    end
    if #ARGV == 3 or asked[id] then
      if not again(id, cells) then break end
      redis.call('XDEL', K.webhook_dead(name), letter[1])
    end
  end
else
  for _, entry in ipairs(redis.call('XRANGE', K.events(), ARGV[4], ARGV[5])) do
    if wants(hook, cell_of(entry, 'type'), cell_of(entry, 'recipient')) and not again(entry[1], entry[2]) then break end
  end
end
if done > 0 then
  redis.call('HDEL', K.webhook(name), 'retry_at')
  tell('webhook.changed', '', '', name, '', '', actor, 'replays ' .. done)
  audit(actor, 'replay', 'webhook', name, '', '', done .. ' of ' .. ARGV[3])
end
return {'ok', done, more}
