-- What a webhook wants, and where it stands in the organisation's events.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: what is told of webhooks goes to none of them, or one that fails would feed itself.
local HOOK = {'active', 'on', 'owner', 'place', 'since', 'tries', 'retry_at', 'failing', 'tester', 'url', 'form', 'secret'}

-- A webhook's fields by name, or nil.
local function hook_of(name)
  local got = redis.call('HMGET', K.webhook(name), unpack(HOOK))
  if not got[1] then return nil end
  local hook = {}
  for i, field in ipairs(HOOK) do hook[field] = got[i] or '' end
  return hook
end

local function wants(hook, kind, recipient)
  if (hook.owner ~= '' and hook.owner ~= recipient) or string.sub(kind, 1, 8) == 'webhook.' then return false end
  for pattern in string.gmatch(hook.on, '[^,]+') do
    local stem = string.match(pattern, '^(.*)%*$')
    if pattern == kind or (stem and string.sub(kind, 1, #stem) == stem) then return true end
  end
  return false
end

-- The value of one field of a stream's entry.
local function cell_of(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
  return ''
end

local function is_after(id, other)
  local ms, number = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_number = string.match(other, '^(%d+)-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms > other_ms or (ms == other_ms and tonumber(number) > tonumber(other_number))
end

-- A reply of names and values as a table.
local function named(flat)
  local found = {}
  for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
  return found
end

-- How many events there ever were, how many of these are gone, and the last one's id.
local function told_so_far()
  if redis.call('EXISTS', K.events()) == 0 then return 0, 0, '0-0' end
  local info = named(redis.call('XINFO', 'STREAM', K.events()))
  return info['entries-added'], info['entries-added'] - info['length'], info['last-generated-id']
end

-- The event up to which a webhook's group has come.
local function cursor_of(name)
  if redis.call('EXISTS', K.events()) == 0 then return '0-0' end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', K.events())) do
    local info = named(group)
    if info['name'] == name then return info['last-delivered-id'] end
  end
  return '0-0'
end
