-- Events, audit entries and the pulse of the board.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: whatever is told is told to the organisation and to the one user it concerns, in one script, under one id.
local function num(value) return string.format('%d', value) end

local function tell(kind, owner, task, name, status, attempt, actor, content, workflow)
  local entry = {'type', kind, 'recipient', owner or '', 'task_id', task or '', 'name', name or '',
    'task_status', status or '', 'attempt', attempt or '', 'by', actor or '', 'content', content or ''}
  if workflow then
    entry[#entry + 1] = 'workflow_id'
    entry[#entry + 1] = workflow
  end
  local id = redis.call('XADD', K.events(), 'MAXLEN', '~', BOUNDS.events, '*', unpack(entry))
  if owner and owner ~= '' then
    local own = K.user_events(owner)
    local told = redis.pcall('XADD', own, 'MAXLEN', '~', BOUNDS.user_events, id, unpack(entry))
    -- A user's stream that other hands left ahead of the organisation's takes ids of its own.
    if told.err then redis.call('XADD', own, 'MAXLEN', '~', BOUNDS.user_events, '*', unpack(entry)) end
  end
end

local function audit(actor, action, entity, id, before, after, details)
  redis.call('XADD', K.audit(), 'MAXLEN', '~', BOUNDS.audit, '*', 'actor', actor, 'action', action,
    'entity', entity, 'entity_id', id, 'before', before or '', 'after', after or '', 'details', details or '')
end

local function pulse(what)
  local key = K.pulse(num(math.floor(NOW / 3600000)))
  if redis.call('HINCRBY', key, num(math.floor(NOW / 60000) % 60) .. ':' .. what, 1) == 1 then
    redis.call('EXPIRE', key, 172800)
  end
end
