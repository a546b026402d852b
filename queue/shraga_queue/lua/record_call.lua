-- Record a call of a model: in the owner's calls, and in the sums of its task, workflow, owner,
--   organisation and model.
-- Uses: time, tell, text, find, budget, spend
-- KEYS[1] the leases. ARGV: 1 task, 2 fence, 3 RQ worker name or '', 4 the call's number in this run, 5 provider, 6 model,
--   7 prompt tokens, 8 response tokens, 9 cost in billionths of a dollar, 10 duration in ms, 11 '1' for a success,
--   12 '1' where the tokens are a guess, 13 error.
-- Reply: {'ok'}, {'stale'}, or {'over', 'task' | 'owner' | 'all', spent, budget, key of the question to ask}.
-- Invariants: a call that is sent again after a lost reply counts once; a late or orphaned run records nothing.
local t = find(ARGV[1])
if not holds(t, ARGV[2], ARGV[3]) then return {'stale'} end

-- Where the sums of its workflow are; whoever names another's workflow adds nothing to it.
local function workflow_of(of)
  if of.workflow and redis.call('HGET', K.workflows(), of.workflow) == of.owner then
    return K.workflow(of.owner, of.workflow)
  end
end

local function record()
  local day = today()
  local spend, model, cost = K.spend(day), cut(ARGV[6], 120), ARGV[9]
  local row = t.owner .. ':' .. model
  -- Whoever makes up model names must not fill the memory.
  if redis.call('HEXISTS', spend, 'calls:' .. row) == 0 and redis.call('HLEN', spend) > BOUNDS.spend_rows then
    row = t.owner .. ':other'
  end
  local workflow = workflow_of(t)
  for name, amount in pairs({calls = 1, prompt_tokens = ARGV[7], response_tokens = ARGV[8], cost = cost}) do
    redis.call('HINCRBY', t.key, name, amount)
    if workflow then redis.call('HINCRBY', workflow, name, amount) end
    redis.call('HINCRBY', spend, name .. ':' .. row, amount)
  end
  redis.call('HINCRBY', spend, 'total:all', cost)
  redis.call('HINCRBY', spend, 'total:owner:' .. t.owner, cost)
  redis.call('ZINCRBY', K.spenders(day), cost, t.id)
  redis.call('EXPIRE', spend, BOUNDS.spend_seconds)
  redis.call('EXPIRE', K.spenders(day), BOUNDS.spend_seconds)
  redis.call('XADD', K.user_calls(t.owner), 'MAXLEN', '~', BOUNDS.user_calls, '*', 'task_id', t.id, 'attempt', t.attempt,
    'owner', t.owner, 'provider', cut(ARGV[5], 120), 'model', model, 'prompt_tokens', ARGV[7], 'response_tokens', ARGV[8],
    'cost', cost, 'duration', ARGV[10], 'success', ARGV[11], 'is_estimated', ARGV[12], 'error', cut(ARGV[13], 1000))
end

local fence, last = string.match(redis.call('HGET', t.key, 'last_call') or '', '^(%d+):(%d+)$')
if fence ~= ARGV[2] or tonumber(last) < tonumber(ARGV[4]) then
  redis.call('HSET', t.key, 'last_call', ARGV[2] .. ':' .. ARGV[4])
  record()
end
local over = breach(t)
return over and {'over', unpack(over)} or {'ok'}
