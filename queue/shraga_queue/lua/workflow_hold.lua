-- Pause a workflow, or let it go on: tasks of it that have not begun do not begin meanwhile.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend, workflow
-- KEYS[1] the workflows. ARGV: 1 workflow, 2 actor, 3 'pause', 'resume' or 'keep' to hold what came since, then its tasks.
-- Reply: {'ok' | 'missing' | 'refused', phase}; it is fine to pause what is paused.
-- Invariants: a task that runs is left alone; one that waits for others too goes on waiting for them.
-- Keeps a task that has not begun from beginning.
local function hold(t, actor)
  local waits = MOVES.block.from[t.status]
  if not waits and t.status ~= 'blocked' then return end
  redis.call('SADD', K.unmet(t.owner, t.id), HELD)
  if waits then move(t, 'block', actor, 'its workflow is paused', {}, {}, 0) end
end

local w = find_workflow(ARGV[1])
local what = ARGV[3]
local refused = refusal(w, what == 'keep' and 'pause' or what, '')
if refused then return refused end
local pause = what ~= 'resume'
if what == 'keep' and not w.paused then return {'ok', w.phase} end
if pause ~= w.paused then change(w, what, ARGV[2], '', {'paused', pause and '1' or '0'}) end
for i = 4, #ARGV do
  local t = find(ARGV[i])
  if t and pause then hold(t, ARGV[2])
  elseif t and redis.call('SREM', K.unmet(t.owner, t.id), HELD) == 1 then go_on(t, ARGV[2]) end
end
flush()
return {'ok', w.phase}
