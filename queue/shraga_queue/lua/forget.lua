-- Delete tasks that ended long ago, and all that belongs to them.
-- Uses: time, tell, text, find
-- KEYS[1] any index. ARGV: 1 leader's token, 2 ms an ended task is kept or 0 for ever, 3 how many ended ones are kept
--   or 0 for all, 4 how many go at most, then the statuses of ended tasks.
-- Reply: the deleted tasks, or nil when the caller leads no more.
-- Invariants: only ended tasks go, the ones that ended first go first, record, runs, logs, edges, owner, indexes and RQ's
--   keys together; it is told and audited once a call. Who waited for one that is gone keeps its id.
if redis.call('GET', K.leader()) ~= ARGV[1] then return nil end
local age, kept, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ended, total = {}, 0
for i = 5, #ARGV do
  local oldest = redis.call('ZRANGE', K.index(ARGV[i]), 0, most - 1, 'WITHSCORES')
  for j = 1, #oldest, 2 do ended[#ended + 1] = {tonumber(oldest[j + 1]), oldest[j], ARGV[i]} end
  total = total + redis.call('ZCARD', K.index(ARGV[i]))
end
table.sort(ended, function(a, b) if a[1] == b[1] then return a[2] < b[2] end return a[1] < b[1] end)

local edges = 0
local function leave_prerequisites(t)
  for _, need in ipairs(redis.call('HKEYS', K.needs(t.owner, t.id))) do
    local holder = redis.call('HGET', K.owners(), need)
    if holder then redis.call('ZREM', K.dependents(holder, need), t.id) end
    edges = edges + 1
  end
end

local function forget(id, status)
  local t = find(id)
  if t and t.status == status then
    leave_prerequisites(t)
    local dead = {t.key, K.runs(t.owner, id), K.rq_job(id), K.chat(t.owner, id), K.answers(t.owner, id),
      K.needs(t.owner, id), K.unmet(t.owner, id), K.dependents(t.owner, id), K.backlog(t.owner, id)}
    for attempt = 1, tonumber(t.attempt) do dead[#dead + 1] = K.log(t.owner, id, num(attempt)) end
    -- Runs that may have left a folder on some host; workers look there for what to remove.
    if status ~= 'completed' or t.attempt ~= '1' or redis.call('HEXISTS', t.key, 'exec') == 1 then
      redis.call('ZADD', K.forgotten(), NOW, id)
    end
    redis.call('UNLINK', unpack(dead))
    redis.call('ZREM', K.user_index(t.owner, status), id)
    for _, registry in ipairs({K.rq_finished(t.queue), K.rq_failed(t.queue), K.rq_canceled(t.queue)}) do
      redis.call('ZREM', registry, id)
    end
    redis.call('ZREM', K.due(), 'expire:' .. id, 'overdue:' .. id)
    redis.call('HDEL', K.owners(), id)
    redis.call('HDEL', K.brakes(), 'task:' .. id)
  end
  redis.call('ZREM', K.index(status), id)
end

redis.call('ZREMRANGEBYSCORE', K.forgotten(), '-inf', NOW - BOUNDS.log_seconds * 1000)
local gone = {}
for _, one in ipairs(ended) do
  local surplus = kept > 0 and total - #gone > kept
  if #gone == most or edges > 10000 or not (surplus or (age > 0 and one[1] < NOW - age)) then break end
  -- Those that wait for it have to hear of its end first.
  if redis.call('HEXISTS', K.releasing(), one[2]) == 0 then
    forget(one[2], one[3])
    gone[#gone + 1] = one[2]
  end
end
if #gone > 0 then
  local said = #gone .. (#gone == 1 and ' task that ended long ago was deleted' or ' tasks that ended long ago were deleted')
  tell('tasks.forgotten', '', '', '', '', '', 'controller', said)
  audit('controller', 'forget', 'task', '', '', '', said .. ', ' .. gone[1] .. ' the first')
end
return gone
