-- Mark a worker as gone: by itself when it ends, by the controller when it fell silent.
-- Uses: time, tell
-- KEYS[1] the workers. ARGV: 1 worker id, 2 ms of silence that count as lost, or 0 when it says so itself, 3 actor.
-- Reply: 1 when it is gone now, 0 when it was already or is not silent.
-- Invariants: a worker that beats is not declared lost.
local key = K.worker(ARGV[1])
local got = redis.call('HMGET', key, 'gone', 'name', 'owner')
if not got[2] or got[1] == '1' then return 0 end
local silence = tonumber(ARGV[2])
if silence > 0 and tonumber(redis.call('ZSCORE', K.workers(), ARGV[1]) or '0') > NOW - silence then return 0 end
redis.call('HSET', key, 'gone', '1', 'lost', silence > 0 and '1' or '0', 'updated_at', num(NOW))
tell(silence > 0 and 'worker.lost' or 'worker.stopped', got[3], '', got[2], '', '', ARGV[3], '')
audit(ARGV[3], silence > 0 and 'lose' or 'stop', 'worker', ARGV[1], '', 'gone', '')
return 1
