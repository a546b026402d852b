-- Give the verdict on a result: accept it, reject it, or send the work back with a note.
-- Uses: time, put, tell, rq, text, find, say, move, occur, edges, depend, wait
-- KEYS[1] the owners. ARGV: 1 task, 2 actor, 3 'accept', 'reject' or 'send_back', 4 note, 5 the attempt it was formed on.
-- Reply: {'missing'}, {'refused', status, run's status, attempt, the review there is as JSON or ''} or {'done', status}.
-- Invariants: a verdict counts for the attempt it was formed on and for no later one; one of several is taken.
local t = find(ARGV[1])
if not t then return {'missing'} end
if t.status ~= 'awaiting_approval' or t.run ~= 'completed' or t.attempt ~= ARGV[5] then
  return {'refused', t.status, t.run, t.attempt, redis.call('HGET', t.key, 'review') or ''}
end
local decisions = {accept = 'accepted', reject = 'rejected', send_back = 'sent_back'}
redis.call('HSET', t.key, 'review', cjson.encode({decision = decisions[ARGV[3]], by = ARGV[2], at = NOW, note = ARGV[4],
  attempt = tonumber(t.attempt)}))
local refused
if ARGV[3] == 'send_back' then
  keep_for_resume(t, redis.call('HGET', t.key, 'exec') or '', ARGV[4])
  if ARGV[4] ~= '' then
    say(t, 'user', ARGV[2], 'text', ARGV[4], '')
    redis.call('HINCRBY', t.key, 'mail', 1)
  end
  refused = resume_run(t, 'send_back', ARGV[2], ARGV[4])
else
  local job = {'ended_at', stamp(NOW)}
  local result = redis.call('HGET', t.key, 'result')
  if ARGV[3] == 'accept' and result then job[3] = 'result'; job[4] = result end
  local fields = {}
  if ARGV[3] == 'reject' then
    fields = {'error', 'rejected by ' .. ARGV[2] .. (ARGV[4] == '' and '' or ': ' .. cut(ARGV[4], 1000))}
    job[3] = 'exc_info'; job[4] = fields[2]
  end
  refused = move(t, ARGV[3], ARGV[2], ARGV[4], fields, job, 0)
end
flush()
return refused or {'done', t.status}
