-- The next matches of a filter, over everything, by last move.
-- Uses: time, text, rows, union
-- KEYS[1] any index. ARGV: 1 'newest' or 'oldest' first, 2 moved longer ago than (ms) or '', 3 moved within (ms) or '',
--   4 statuses, 5 owners or '', joined by ',', 6 to 8 score, place and id to go on after, '' at the beginning,
--   9 matches wanted, 10 rows looked at most, 11 'rows' or 'ids', then field, values joined by ','; the field 'word'
--   takes the ways to write a word, joined by a zero byte, ASCII in lower case; 'due' takes 'today' (a day of UTC),
--   'overdue' and 'none', 'due_within' and 'due_after' a time from now (ms).
-- Reply: {matches, score, place and id to go on after or '' at the end, rows looked at, rows there are to look at}.
-- Invariants: looking changes nothing; one call looks at a bounded number of rows.
-- Read only.
local wanted, budget, whole = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11] == 'rows'
local DEFAULT = {kind = 'general', priority = 'normal', capability = 'any', assignee = 'none'}
local DAY = 86400000

-- Only what the tests look at is read: most rows do not match.
local fields, at = {'status'}, {status = 1}
local function need(field)
  if not at[field] then fields[#fields + 1] = field; at[field] = #fields end
end

local tests = {}
for i = 12, #ARGV, 2 do
  local field, values = ARGV[i], {}
  for value in string.gmatch(ARGV[i + 1], field == 'word' and '[^%z]+' or '[^,]+') do values[#values + 1] = value end
  tests[#tests + 1] = {field, values}
  if field == 'word' then need('name'); need('labels')
  elseif field == 'label' then need('labels')
  elseif string.sub(field, 1, 3) == 'due' then need('due')
  elseif field ~= 'id' then need(field) end
end

local function any(values, fits)
  for _, value in ipairs(values) do
    if fits(value) then return true end
  end
  return false
end

local function has_word(got, id, values)
  local text = string.lower(cut(got[at.name] or '', LONG[1]) .. ' ' .. (got[at.labels] or '') .. ' ' .. id)
  return #values == 0 or any(values, function(word) return string.find(text, word, 1, true) ~= nil end)
end

local function has_label(got, values)
  local labels = ',' .. (got[at.labels] or '') .. ','
  return any(values, function(label) return string.find(labels, ',' .. label .. ',', 1, true) ~= nil end)
end

local DUE = {
  none = function(due) return not due end,
  overdue = function(due) return due and due < NOW end,
  today = function(due) return due and math.floor(due / DAY) == math.floor(NOW / DAY) end,
}

local function is_due(got, field, values)
  local due = tonumber(got[at.due] or nil)
  if field == 'due' then return any(values, function(value) return DUE[value](due) end) end
  if not due then return false end
  local limit = NOW + tonumber(values[1])
  if field == 'due_after' then return due > limit end
  return due >= NOW and due <= limit
end

local function has(field, value, values)
  return any(values, function(one)
    return value == one or (field == 'id' and string.sub(value, 1, #one) == one)
      or (field == 'worker_name' and string.sub(value, 1, #one + 1) == one .. '.')
  end)
end

local function matches(id, owner)
  owner = owner or redis.call('HGET', K.owners(), id)
  if not owner then return false end
  local got = redis.call('HMGET', K.task(owner, id), unpack(fields))
  if not got[1] then return false end
  for _, test in ipairs(tests) do
    local field, values, ok = test[1], test[2], false
    if field == 'word' then ok = has_word(got, id, values)
    elseif field == 'label' then ok = has_label(got, values)
    elseif at.due and string.sub(field, 1, 3) == 'due' then ok = is_due(got, field, values)
    else
      local value = field == 'id' and id or got[at[field]]
      if not value or value == '' then value = DEFAULT[field] or '' end
      ok = has(field, value, values)
    end
    if not ok then return false end
  end
  return true
end

local low, high = between(ARGV[2], ARGV[3])
local list = union(indexes(ARGV[4], ARGV[5]), low, high, ARGV[1] == 'oldest')
if ARGV[6] == '' then enter_at(list, 0) else enter_after(list, ARGV[6], tonumber(ARGV[7]), ARGV[8]) end
local found, looked, id, part, score = {}, 0, nil, nil, nil
while looked < budget and #found < wanted do
  id, part, score = following(list)
  if not id then return {found, '', '', '', looked, list.total} end
  looked = looked + 1
  if matches(id, part.owner) then found[#found + 1] = whole and row(id, part.owner) or id end
end
return {found, score, part.place, id, looked, list.total}
