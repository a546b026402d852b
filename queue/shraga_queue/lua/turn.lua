-- A slot's turn: end the runs it has seen through, give back what it has not begun, take the next tasks.
-- Uses: time, put, tell, rq, text, find, say, move, occur, edges, depend, wait, end, brake
-- KEYS[1] the leases. ARGV: 1 worker id, 2 slot, 3 RQ worker name, 4 lease in ms, 5 tasks wanted, 6 how many ended runs,
--   7 how many to give back, 8 how many queues, 9 the task it goes on running or ''; then 13 cells for each ended run
--   (lib_end), task and fence for each to give back, and the queues' names, best first.
-- Reply: {new status or 'stale' for each ended run and each given back, claims, jobs refused as they are no tasks}; a claim
--   is {task, owner, attempt, fence, name, spec, labels, kind, priority, capability, failures, losses, resume, mail}, of one
--   that repeats also its occurrence and that one's data.
-- Invariants: a task leaves the queue only together with a lease and a new fence; a worker that drains or is unknown takes
--   nothing, and nobody takes what a brake holds; what has started no longer expires; beyond the first, a slot takes at
--   most a quarter of what waits.
local worker, slot, name, lease, wanted = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local wkey, rq_worker = K.worker(worker), K.rq_worker(name)
local at, answers, claims, foreign, well, ill = 9, {}, {}, {}, 0, 0

local WELL = {completed = true, awaiting_approval = true}
local ILL = {failed = true, canceled = true, scheduled = true, queued = true}
for _ = 1, tonumber(ARGV[6]) do
  local status = end_run({unpack(ARGV, at + 1, at + 13)}, name)
  if WELL[status] then well = well + 1 elseif ILL[status] then ill = ill + 1 end
  answers[#answers + 1] = status
  at = at + 13
end
-- The last first, since each goes to the head of its queue: so they stand there in the order they were taken in.
local before, back, given = #answers, tonumber(ARGV[7]), {}
local queues = at + 2 * back
for i = back, 1, -1 do given[i] = give_back(ARGV[at + 2 * i - 1], ARGV[at + 2 * i], name) end
for i = 1, back do answers[before + i] = given[i] end
flush()
if well > 0 then
  redis.call('HINCRBY', wkey, 'completed', well)
  redis.call('HINCRBY', rq_worker, 'successful_job_count', well)
end
if ill > 0 then
  redis.call('HINCRBY', wkey, 'failed', ill)
  redis.call('HINCRBY', rq_worker, 'failed_job_count', ill)
end

local function take(t)
  t.fence = num(tonumber(t.fence) + 1)
  t.worker = worker
  local began = stamp(NOW)
  local failed = move(t, 'claim', name, '', {'run', 'claimed', 'worker', worker, 'slot', slot, 'worker_name', name,
    'claimed_at', NOW_TEXT, 'ping_at', NOW_TEXT, 'fence', t.fence},
    {'started_at', began, 'last_heartbeat', began, 'worker_name', name}, 0)
  if failed then return end
  if t.expires_at then
    redis.call('HDEL', t.key, 'expires_at')
    put('ZREM', K.due(), 'expire:' .. t.id)
  end
  put('ZADD', K.leases(), NOW + lease, t.id)
  put('HSET', wkey, 'run:' .. t.id, slot .. ' ' .. t.attempt .. ' ' .. t.fence .. ' ' .. NOW_TEXT)
  local claim = {t.id, t.owner, t.attempt, t.fence, unpack(t.asked)}
  for _, cell in ipairs(t.repeats and redis.call('HMGET', t.key, 'occurrence', 'event_data') or {}) do
    claim[#claim + 1] = cell
  end
  claims[#claims + 1] = claim
end

local braking = wanted > 0 and redis.call('EXISTS', K.brakes()) == 1

local function take_from(name_of_queue)
  local most, queue, parked = 1, K.rq_queue(name_of_queue), nil
  for _ = 1, 1000 do
    local task = #claims < most and redis.call('LPOP', queue)
    if not task then return end
    local t = find(task, true)
    -- To look for it in the queue once more would be to search all of it.
    if t then t.popped = true end
    if t and t.status == 'queued' and t.expires_at and t.expires_at <= NOW then
      expire(t, 'worker')
    elseif t and t.status == 'queued' and braking and brake_on(t) then
      park(t, brake_on(t))
      parked = t
    elseif t and t.status == 'queued' then
      take(t)
      if most < wanted then most = math.min(wanted, 1 + math.floor(redis.call('LLEN', queue) / 4)) end
    elseif not t and rq_refuse(task, name_of_queue) then foreign[#foreign + 1] = task end
  end
  -- Behind so many that had to step aside there may be some to take: the next turn shall not wait.
  if parked and #claims == 0 then ring(parked.capability) end
end

if wanted > 0 and redis.call('HGET', wkey, 'mode') == 'accepting' and redis.call('EXISTS', K.rq_suspended()) == 0
  and not (braking and redis.call('HEXISTS', K.brakes(), 'all') == 1) then
  for i = queues + 1, queues + tonumber(ARGV[8]) do
    if #claims > 0 then break end
    take_from(ARGV[i])
  end
end
flush()
local current = ARGV[9] == '' and claims[1] and claims[1][1] or ARGV[9]
if current ~= '' then redis.call('HSET', rq_worker, 'state', 'busy', 'current_job', current)
elseif #answers > 0 then
  redis.call('HSET', rq_worker, 'state', 'idle')
  redis.call('HDEL', rq_worker, 'current_job')
end
return {answers, claims, foreign}
