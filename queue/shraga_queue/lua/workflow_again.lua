-- Run steps of a workflow again, or leave one out and let those after it go on.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend, workflow
-- KEYS[1] the workflows. ARGV: 1 workflow, 2 actor, 3 version, 4 name of the move, 5 content, 6 names of the skipped steps as
--   JSON, 7 the task to leave out or '', then for each task, in the order of the steps: id, its job's data, job timeout in s,
--   how many cells its prerequisites take, and those: id and kind.
-- Reply: {'ok' | 'missing' | 'stale' | 'refused', phase} or, with nothing changed, {'busy', task} of one that has begun.
-- Invariants: earlier runs stay; a task waits for what is to run again before it; those that were skipped or blocked for the
--   sake of one that is left out go on, and no others.
local w = find_workflow(ARGV[1])
local actor, out = ARGV[2], ARGV[7]
local refused = refusal(w, ARGV[4], ARGV[3])
if refused then return refused end

local tasks, i = {}, 8
while i <= #ARGV do
  local last = i + 3 + tonumber(ARGV[i + 3])
  local t = find(ARGV[i])
  if t then
    t.data, t.timeout, t.first, t.last = ARGV[i + 1], ARGV[i + 2], i + 4, last
    tasks[#tasks + 1] = t
  end
  i = last + 1
end
local function has_begun(t) return not FINAL[t.status] and t.status ~= 'blocked' and not MOVES.block.from[t.status] end
for _, t in ipairs(tasks) do
  if has_begun(t) then return {'busy', t.id} end
end
local left = out ~= '' and find(out)
if left and left.status ~= 'skipped' and not MOVES.leave_out.from[left.status] then return {'busy', left.id} end

if left and left.status ~= 'skipped' then
  redis.call('DEL', K.unmet(left.owner, left.id))
  move(left, 'leave_out', actor, 'skipped by hand', {'run', 'skipped', 'finished_at', NOW_TEXT}, {'ended_at', stamp(NOW)}, 0)
end

local function run_again(t)
  redis.call('HDEL', K.releasing(), t.id)
  redis.call('DEL', K.unmet(t.owner, t.id))
  for j = t.first, t.last, 2 do tie(t.owner, t.id, ARGV[j], ARGV[j + 1]) end
  local waits = unmet(t.owner, t.id) > 0
  if w.paused then
    redis.call('SADD', K.unmet(t.owner, t.id), HELD)
    waits = true
  end
  if FINAL[t.status] then
    next_attempt(t, 'retry')
    redis.call('HDEL', t.key, 'failures', 'losses', 'cancel_by', 'cancel_reason', 'expires_at')
    local at = stamp(NOW)
    local job = {'created_at', at, 'enqueued_at', at, 'data', t.data, 'origin', t.queue, 'description', t.name,
      'timeout', t.timeout}
    move(t, waits and 'redo' or 'retry', actor, '', waits and {} or {'enqueued_at', NOW_TEXT}, job, 0)
  elseif waits and t.status ~= 'blocked' then move(t, 'block', actor, '', {}, {}, 0)
  elseif not waits then go_on(t, actor) end
end

for _, t in ipairs(tasks) do run_again(t) end
change(w, ARGV[4], actor, ARGV[5], {'skipped', ARGV[6], 'error', ''})
flush()
resume()
flush()
return {'ok', w.phase}
