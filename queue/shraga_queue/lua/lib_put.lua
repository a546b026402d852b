-- Writes to one key, collected and made in one command.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: what was put is written by `flush`, in no order of its own; so no member is put to one key twice before it.
local waiting = {}

-- One or two cells: a member, or a score or field with what belongs to it.
local function put(command, key, ...)
  local of_command = waiting[command] or {}
  waiting[command] = of_command
  local write = of_command[key]
  if not write then
    write = {command, key}
    of_command[key] = write
  end
  local first, second = ...
  write[#write + 1] = first
  write[#write + 1] = second
end

-- What follows when that is written (lib_depend).
local AFTER = {}

local function write_put()
  for _, of_command in pairs(waiting) do
    for _, write in pairs(of_command) do redis.call(unpack(write)) end
  end
  waiting = {}
end

local function flush()
  write_put()
  for _, act in ipairs(AFTER) do act() end
end
