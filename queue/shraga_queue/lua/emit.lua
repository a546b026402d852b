-- Start the tasks that an event is bound to, some at a call; an emit that broke off goes on where it was.
-- Uses: time, put, tell, rq, text, find, move, occur, edges, depend
-- KEYS[1] the tasks on the event. ARGV: 1 event, 2 the emit's key, 3 actor, 4 data as JSON or '', 5 tasks at most, 6 digest
--   of the key, as a part of a key.
-- Reply: {'1' when there is nothing left or '0', '1' when it had all been done before or '0', for each task that was looked
--   at: id, 'started' | 'waiting' | 'skipped'}.
-- Invariants: each task hears the same emit once, however often it is told; it is told and audited once.
local event, record = ARGV[1], K.emitted(ARGV[1], ARGV[6])
local before = redis.call('HMGET', record, 'last', 'done')
if before[2] then return {'1', '1'} end
local most = tonumber(ARGV[5])
local tasks = redis.call('ZRANGEBYLEX', KEYS[1], before[1] and '(' .. before[1] or '-', '+', 'LIMIT', 0, most)
if not before[1] then audit(ARGV[3], 'emit', 'event', event, '', '', ARGV[2]) end
local reply = {#tasks < most and '1' or '0', '0'}
for _, id in ipairs(tasks) do
  local t = find(id)
  local answer = 'skipped'
  if not t or not t.repeats or FINAL[t.status] then redis.call('ZREM', KEYS[1], id)
  else
    local heard = {key = id .. '@' .. ARGV[2], trigger = 'event:' .. event, at = NOW}
    if ARGV[4] ~= '' then heard.data = ARGV[4] end
    if redis.call('HEXISTS', t.key, 'paused') == 1 then skip(t, 1, event .. ' came while it was paused')
    else answer = occur(t, heard, t.repeats) end
    reply[#reply + 1] = id
    reply[#reply + 1] = answer
    redis.call('HINCRBY', record, answer, 1)
  end
  flush()
end
redis.call('HSET', record, 'last', tasks[#tasks] or before[1] or '')
if reply[1] == '1' then
  redis.call('HSET', record, 'done', NOW_TEXT)
  local counts = redis.call('HMGET', record, 'started', 'waiting', 'skipped')
  tell('event.emitted', '', '', event, '', '', ARGV[3],
    (counts[1] or 0) .. ' started, ' .. (counts[2] or 0) .. ' waiting, ' .. (counts[3] or 0) .. ' skipped')
end
redis.call('EXPIRE', record, BOUNDS.emit_seconds)
flush()
return reply
