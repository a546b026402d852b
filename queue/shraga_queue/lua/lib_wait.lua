-- How a run waits for a person: suspended until it is answered, and resumed where it was.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: a task that waits for input has an open question; a resumed run is a new attempt with the folder, the session
--   and the answers of the one before.
-- `exec`: where the run was, as JSON, or ''; `note`: what it is told on its way back, or nil.
local function keep_for_resume(t, exec, note)
  local kept = t.resume and cjson.decode(t.resume) or {attempt = tonumber(t.attempt)}
  kept.session = exec ~= '' and cjson.decode(exec).session_id or kept.session
  kept.note = note
  t.resume = cjson.encode(kept)
  redis.call('HSET', t.key, 'resume', t.resume)
end

-- The next attempt goes on; it stands first, since somebody has just seen to it.
local function resume_run(t, how, actor, content)
  next_attempt(t, 'resume')
  local refused = move(t, how, actor, content, {'enqueued_at', NOW_TEXT}, {'enqueued_at', stamp(NOW)}, 0)
  if refused then return refused end
  to_head(t.id, t.queue)
end

-- `fields`: of the ended run. Whoever answered in the meantime finds it going on at once.
local function suspend(t, exec, name, fields)
  keep_for_resume(t, exec)
  redis.call('HSET', t.key, unpack(fields))
  if not t.question then return resume_run(t, 'resume', name, 'answered while it was being suspended') end
  return move(t, 'suspend', name, cut(cjson.decode(t.question).text, 300), {}, {}, 0)
end

-- Answers the open question of a task.
local function answer(t, actor, sender_type, text)
  local asked = close_question(t)
  redis.call('HSET', K.answers(t.owner, t.id), asked.key,
    cjson.encode({question_id = asked.id, key = asked.key, text = text, by = actor, at = NOW}))
  say(t, sender_type, actor, 'response', text, asked.entry)
  redis.call('HINCRBY', t.key, 'mail', 1)
  tell('task.answered', t.owner, t.id, t.name, t.status, t.attempt, actor, cut(text, 300))
  local note
  if asked.kind == 'budget' then
    note = settle_budget(t, asked.key, text)
    if not note then return call_off(t, actor, 'over its budget') end
  elseif asked.kind == 'plan' and not settle_plan(t, actor, text) then return call_off(t, actor, GIVEN_UP) end
  if t.status == 'waiting_for_input' then
    if note then keep_for_resume(t, '', note) end
    return resume_run(t, 'answer', actor, cut(text, 300))
  end
  if sender_type == 'user' then audit(actor, 'answer', 'task', t.id, t.status, t.status, cut(text, 300)) end
  nudge(t)
end
