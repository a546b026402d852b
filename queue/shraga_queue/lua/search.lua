-- The next matches of a filter, over everything, newest move first within each status.
-- Uses: time, text, rows
-- KEYS[1] any index. ARGV: 1 owner or '', 2 status, 3 score to begin at or '+inf', 4 id to begin after or '',
--   5 rows wanted, 6 rows looked at most, 7 moved before (ms) or '', 8 moved after (ms) or '', then
--   field, values joined by ','; the field 'word' takes the ways to write a word, joined by a zero byte, ASCII in
--   lower case.
-- Reply: {rows, score and id to go on from or '' at the end}.
-- Invariants: looking changes nothing; one call looks at a bounded number of rows.
-- Read only.
local owner = ARGV[1] ~= '' and ARGV[1] or nil
local index = owner and K.user_index(owner, ARGV[2]) or K.index(ARGV[2])
local wanted, budget = tonumber(ARGV[5]), tonumber(ARGV[6])
local AT = {}
for i, field in ipairs(ROW) do AT[field] = i + 1 end
local DEFAULT = {kind = 'general', priority = 'normal', capability = 'any'}

local tests = {}
for i = 9, #ARGV, 2 do
  local values = {}
  local pattern = ARGV[i] == 'word' and '[^%z]+' or '[^,]+'
  for value in string.gmatch(ARGV[i + 1], pattern) do values[#values + 1] = value end
  tests[#tests + 1] = {ARGV[i], values}
end

local function has_label(labels, values)
  for _, value in ipairs(values) do
    if string.find(',' .. labels .. ',', ',' .. value .. ',', 1, true) then return true end
  end
  return false
end

local function matches(r)
  for _, test in ipairs(tests) do
    local field, values = test[1], test[2]
    local ok = false
    if field == 'word' then
      local text = string.lower(r[AT.name] .. ' ' .. r[AT.labels] .. ' ' .. r[1])
      ok = #values == 0
      for _, word in ipairs(values) do ok = ok or string.find(text, word, 1, true) ~= nil end
    elseif field == 'label' then ok = has_label(r[AT.labels], values)
    else
      local value = field == 'id' and r[1] or r[AT[field]]
      if value == '' then value = DEFAULT[field] or '' end
      for _, one in ipairs(values) do
        ok = ok or value == one or (field == 'id' and string.sub(value, 1, #one) == one)
          or (field == 'worker_name' and string.sub(value, 1, #one + 1) == one .. '.')
      end
    end
    if not ok then return false end
  end
  return true
end

-- How many rows of the score to begin at come before where to begin: any number of rows may share a score.
local function passed(score, after)
  local above = redis.call('ZCOUNT', index, '(' .. score, '+inf')
  local low, high = above, redis.call('ZCOUNT', index, score, '+inf')
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZREVRANGE', index, middle, middle)[1] >= after then low = middle + 1 else high = middle end
  end
  return low - above
end

local top, skip = ARGV[3], ARGV[4] ~= '' and passed(ARGV[3], ARGV[4]) or 0
if ARGV[7] ~= '' and (top == '+inf' or tonumber(top) > tonumber(ARGV[7])) then top = ARGV[7] end
local bottom = ARGV[8] ~= '' and ARGV[8] or '-inf'
local got = redis.call('ZREVRANGEBYSCORE', index, top, bottom, 'WITHSCORES', 'LIMIT', skip, budget)
local rows, score, last = {}, '', ''
for i = 1, #got, 2 do
  local r = row(got[i], owner)
  if r and matches(r) then rows[#rows + 1] = r end
  score, last = got[i + 1], got[i]
  if #rows == wanted then break end
end
if #rows < wanted and #got < budget * 2 then score, last = '', '' end
return {rows, score, last}
