-- Let a task wait for others, or link it to them.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, 3 how many edges are walked at most to look for a cycle, then id and kind of
--   each other task.
-- Reply: {'ok', status}, or, with nothing changed, {'missing', id}, {'late', status} of a task that has begun or ended,
--   {'cycle', task, what it waits for, ... task}, {'deep'} where the walk was too long.
-- Invariants: what tasks wait for never leads back to them; a task that has begun waits for nothing.
local t = find(ARGV[1])
if not t then return {'missing', ARGV[1]} end

-- The way from a task along what it waits for to `t`, or nil, or 'deep'.
local walked, seen = 0, {}
local function way(from)
  local ahead, before = {from}, {}
  while #ahead > 0 do
    local id = table.remove(ahead)
    if id == t.id then
      local path = {}
      while id do
        table.insert(path, 1, id)
        id = before[id]
      end
      return path
    end
    local owner = not seen[id] and redis.call('HGET', K.owners(), id)
    seen[id] = true
    local needs = owner and redis.call('HGETALL', K.needs(owner, id)) or {}
    walked = walked + #needs / 2
    if walked > tonumber(ARGV[3]) then return 'deep' end
    for i = 1, #needs, 2 do
      if BLOCKING[needs[i + 1]] and not seen[needs[i]] then
        before[needs[i]] = id
        ahead[#ahead + 1] = needs[i]
      end
    end
  end
end

local waits = false
for i = 4, #ARGV, 2 do
  if redis.call('HEXISTS', K.owners(), ARGV[i]) == 0 then return {'missing', ARGV[i]} end
  if BLOCKING[ARGV[i + 1]] or ARGV[i] == t.id then
    waits = true
    local path = way(ARGV[i])
    if path == 'deep' then return {'deep'} end
    if path then return {'cycle', t.id, unpack(path, 1, math.min(#path, 1000))} end
  end
end
local has_run = t.status == 'awaiting_approval' and t.run ~= 'pending'
if waits and (has_run or not MOVES.block.from[t.status] and t.status ~= 'blocked') then
  return {'late', t.status}
end

for i = 4, #ARGV, 2 do
  tie(t.owner, t.id, ARGV[i], ARGV[i + 1])
  audit(ARGV[2], 'depend', 'task', t.id, '', '', 'on ' .. ARGV[i] .. ' (' .. ARGV[i + 1] .. ')')
end
redis.call('HSET', t.key, 'updated_at', NOW_TEXT, 'updated_by', ARGV[2])
t.version = redis.call('HINCRBY', t.key, 'version', 1)
if not has_run and MOVES.block.from[t.status] and unmet(t.owner, t.id) > 0 then
  -- One that waited for nothing but a worker does not wait for the time that it was once due at.
  if t.status == 'queued' then redis.call('HDEL', t.key, 'scheduled_at') end
  move(t, 'block', ARGV[2], '', {}, {}, 0)
  flush()
end
resume()
t.status = redis.call('HGET', t.key, 'status')
-- A kind that is met already may have taken the place of one that was not.
go_on(t, ARGV[2])
flush()
return {'ok', t.status}
