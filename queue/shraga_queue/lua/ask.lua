-- Put a run's question to people.
-- Uses: time, put, tell, rq, text, find, say, move, occur, edges, depend, wait
-- KEYS[1] the leases. ARGV: 1 task, 2 fence, 3 RQ worker name or '', 4 key, 5 kind, 6 text, 7 signature, 8 options as JSON,
--   9 '1' where there is a default, 10 the default, 11 ms until the deadline or 0.
-- Reply: {'stale'}, {'answered', text}, {'asked', question id} or {'busy', question id} where another one is open.
-- Invariants: a run asks one thing at a time; the same question of a task, asked again by a later try, is not put twice.
local t = find(ARGV[1])
if not holds(t, ARGV[2], ARGV[3]) then return {'stale'} end
local told = redis.call('HGET', K.answers(t.owner, t.id), ARGV[4])
if told then return {'answered', cjson.decode(told).text} end
if t.question then
  local open = cjson.decode(t.question)
  if open.key == ARGV[4] then return {'asked', open.id} end
  -- What an earlier try asked and this one does not is of no interest any more.
  if open.attempt == tonumber(t.attempt) then return {'busy', open.id} end
  close_question(t)
  flush()
end
local lasts = tonumber(ARGV[11])
local asked = {id = t.id .. '.q' .. redis.call('HINCRBY', t.key, 'asked', 1), key = ARGV[4], kind = ARGV[5], text = ARGV[6],
  signature = ARGV[7], options = ARGV[8], attempt = tonumber(t.attempt), asked = NOW}
if ARGV[9] == '1' then asked.default = ARGV[10] end
if lasts > 0 then
  asked.due = NOW + lasts
  put('ZADD', K.due(), asked.due, 'ask:' .. t.id)
end
asked.entry = say(t, 'worker', ARGV[3], 'question', ARGV[6], '', {'options', ARGV[8]})
-- What it asks is what the lists show of it.
redis.call('HSET', t.key, 'question', cjson.encode(asked), 'updated_at', NOW_TEXT, 'thought', cut(ARGV[6], 500))
put('ZADD', K.questions(), NOW, t.id)
put('SADD', K.asked(asked.signature), t.id)
tell('task.asking', t.owner, t.id, t.name, t.status, t.attempt, ARGV[3], cut(ARGV[6], 300))
flush()
return {'asked', asked.id}
