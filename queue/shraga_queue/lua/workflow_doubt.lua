-- Give a plan that is none back to its task with what is wrong, or, where it has had its tries, ask a person about it.
-- Uses: time, put, tell, rq, text, find, say, move, occur, edges, depend, wait, workflow
-- KEYS[1] the workflows. ARGV: 1 workflow, 2 actor, 3 version, 4 the plan's task, 5 the attempt whose result was read, 6 what
--   is wrong with it, 7 the same as the planner is told, 8 how many failures are tried again, 9 job data, 10 job timeout in s,
--   11 the question, 12 its signature, 13 its options as JSON.
-- Reply: {'ok' | 'missing' | 'stale' | 'refused', phase}.
-- Invariants: a result is doubted once, and only while it is the last one; the next run has the folder, the session and the
--   conversation of the one before; a person is asked on the task's own record, and nothing else waits.
local w = find_workflow(ARGV[1])
local refused = refusal(w, 'doubt', ARGV[3])
if refused then return refused end
local t = find(ARGV[4])
if not t or t.status ~= 'completed' or t.attempt ~= ARGV[5] then return {'stale', w.phase} end

local actor, fault, note = ARGV[2], ARGV[6], ARGV[7]
local at = stamp(NOW)
-- RQ's view of an ended job may be gone by now.
local job = {'created_at', at, 'enqueued_at', at, 'data', ARGV[9], 'origin', t.queue, 'description', t.name,
  'timeout', ARGV[10]}
keep_for_resume(t, redis.call('HGET', t.key, 'exec') or '', note)

-- It goes on first in its queue.
local function try_again()
  say(t, 'controller', actor, 'error', note, '')
  redis.call('HINCRBY', t.key, 'mail', 1)
  next_attempt(t, 'resume')
  move(t, 'replan', actor, cut(fault, 300), {'enqueued_at', NOW_TEXT}, job, 0)
  to_head(t.id, t.queue)
end

local function ask_person()
  local asked = {id = t.id .. '.q' .. redis.call('HINCRBY', t.key, 'asked', 1), key = 'plan:' .. t.attempt, kind = 'plan',
    text = ARGV[11], signature = ARGV[12], options = ARGV[13], attempt = tonumber(t.attempt), asked = NOW}
  asked.entry = say(t, 'controller', actor, 'question', ARGV[11], '', {'options', ARGV[13]})
  put('ZADD', K.questions(), NOW, t.id)
  put('SADD', K.asked(asked.signature), t.id)
  tell('task.asking', t.owner, t.id, t.name, t.status, t.attempt, actor, cut(ARGV[11], 300))
  move(t, 'doubt', actor, cut(ARGV[11], 300), {'question', cjson.encode(asked), 'thought', cut(ARGV[11], 500)}, job, 0)
end

if redis.call('HINCRBY', t.key, 'failures', 1) <= tonumber(ARGV[8]) then try_again() else ask_person() end
change(w, 'doubt', actor, cut(fault, 500), {'error', fault})
flush()
return {'ok', w.phase}
