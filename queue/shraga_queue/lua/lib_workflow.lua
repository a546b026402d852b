-- A workflow, and the one way it changes.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: record, index, events and audit change together; only moves of the table of phases are made; whatever may
-- call for the next move leaves a mark (workflows_due) in the script that made it so.
-- The prerequisite, which nothing meets, of tasks whose workflow is paused.
local HELD = '(paused)'

local function find_workflow(id)
  local owner = redis.call('HGET', K.workflows(), id)
  if not owner then return nil end
  local key = K.workflow(owner, id)
  local got = redis.call('HMGET', key, 'phase', 'title', 'version', 'paused')
  if not got[1] then return nil end
  return {id = id, owner = owner, key = key, phase = got[1], title = got[2] or '', version = tonumber(got[3]) or 0,
    paused = got[4] == '1'}
end

local function mark(w) redis.call('HINCRBY', K.workflows_due(), w.id, 1) end

-- Whether the move may not be made: then what to reply. `version` is '' where any will do.
local function refusal(w, name, version)
  if not w then return {'missing', ''} end
  if version ~= '' and tonumber(version) ~= w.version then return {'stale', w.phase} end
  if not PHASES[name].from[w.phase] then return {'refused', w.phase} end
end

-- `fields`: flat list for the hash.
local function change(w, name, actor, content, fields)
  local rule, before = PHASES[name], w.phase
  w.phase = rule.to or before
  w.version = w.version + 1
  redis.call('HSET', w.key, 'phase', w.phase, 'updated_at', NOW_TEXT, 'updated_by', actor, 'version', num(w.version),
    unpack(fields))
  if w.phase ~= before then
    redis.call('HSET', w.key, 'moved_at', NOW_TEXT)
    redis.call('ZREM', K.workflow_index(before), w.id)
    redis.call('ZADD', K.workflow_index(w.phase), NOW, w.id)
  end
  local said = rule.to and w.phase or name
  if content ~= '' then said = said .. ': ' .. content end
  tell(rule.event, w.owner, '', cut(w.title, 120), '', '', actor, said, w.id)
  if rule.audited then audit(actor, name, 'workflow', w.id, before, w.phase, content) end
  mark(w)
end
