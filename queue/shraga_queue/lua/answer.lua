-- Answer the open question of a task, or of all tasks that ask the same.
-- Uses: time, put, tell, rq, text, find, say, move, occur, edges, depend, workflow, budget, settle, wait
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, 3 answer, 4 the id of the question it answers or '', 5 how many further tasks with
--   the identical question are answered too, 6 signature.
-- Reply: {'missing'}, {'none', status}, {'taken', the answer there is as JSON} or {'answered', task...}.
-- Invariants: of several answers to one question exactly one is taken, and the others are told whose it was.
local t = find(ARGV[1])
if not t then return {'missing'} end
local open = t.question and cjson.decode(t.question)
if not open or open.id ~= ARGV[4] then
  local latest
  for _, one in ipairs(redis.call('HVALS', K.answers(t.owner, t.id))) do
    local found = cjson.decode(one)
    if found.question_id == ARGV[4] then return {'taken', one} end
    if ARGV[4] == '' and (not latest or found.at > latest.at) then latest = {at = found.at, said = one} end
  end
  -- Who names the task alone is told of its last answer.
  if latest then return {'taken', latest.said} end
  return {'none', t.status}
end
local done = {'answered', t.id}
local refused = answer(t, ARGV[2], 'user', ARGV[3])
if refused then return refused end
flush()
local others = tonumber(ARGV[5])
for _, other in ipairs(others > 0 and redis.call('SMEMBERS', K.asked(ARGV[6])) or {}) do
  if #done - 2 >= others then break end
  local same = other ~= t.id and find(other)
  if same and same.question and cjson.decode(same.question).signature == ARGV[6] then
    refused = answer(same, ARGV[2], 'user', ARGV[3])
    if refused then return refused end
    flush()
    done[#done + 1] = other
  end
end
return done
