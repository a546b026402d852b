-- The tasks that repeat, the oldest first.
-- Uses: time, text
-- KEYS[1] the tasks that repeat. ARGV: 1 owner or '', 2 first rank, 3 how many at most.
-- Reply: {now in ms, how many there are, then for each {task, fields as a flat list, the run before as JSON or '', how many
--   occurrences wait}}.
-- Invariants: looking changes nothing; of another owner's tasks nothing is said.
-- Read only.
local FIELDS = {'name', 'status', 'owner', 'spec', 'next_slot', 'paused', 'event', 'attempt', 'run', 'scheduled_at', 'started_at',
  'finished_at', 'error', 'skips', 'labels', 'kind', 'priority', 'capability'}
local first = tonumber(ARGV[2])
local reply = {NOW, redis.call('ZCARD', KEYS[1])}
for _, task in ipairs(redis.call('ZRANGE', KEYS[1], first, first + tonumber(ARGV[3]) - 1)) do
  local owner = redis.call('HGET', K.owners(), task)
  if owner and (ARGV[1] == '' or ARGV[1] == owner) then
    local got, said = redis.call('HMGET', K.task(owner, task), unpack(FIELDS)), {}
    for i, field in ipairs(FIELDS) do
      if got[i] then
        said[#said + 1] = field
        said[#said + 1] = field == 'error' and cut(got[i], 480) or got[i]
      end
    end
    local before = redis.call('HGET', K.runs(owner, task), string.format('%d', (tonumber(got[8]) or 1) - 1))
    reply[#reply + 1] = {task, said, before or '', redis.call('LLEN', K.backlog(owner, task))}
  end
end
return reply
