-- Pages of several columns at once, each a union of statuses, newest move first.
-- Uses: time, text, rows
-- KEYS[1] any index. ARGV: 1 owner or '', then for each column: statuses joined by ',', first rank, how many.
-- Reply: {now in ms, for each column {total, row, row ...}}.
-- Invariants: looking changes nothing; the work depends on the rows asked for, not on the tasks there are.
-- Read only.
local owner = ARGV[1] ~= '' and ARGV[1] or nil

local function total_above(keys, score)
  local total = 0
  for _, key in ipairs(keys) do total = total + redis.call('ZCOUNT', key, '(' .. string.format('%.0f', score), '+inf') end
  return total
end

-- The highest score with at most `first` members above it, and how many those are.
local function seek(keys, first)
  local low, high = 0, NOW + 1
  for _, key in ipairs(keys) do
    local newest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
    high = math.max(high, tonumber(newest or '0'))
  end
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    if total_above(keys, middle) > first then low = middle else high = middle end
  end
  return high, total_above(keys, high)
end

local function merged(keys, first, count)
  local score, above = '+inf', 0
  if first > 0 then
    local at
    at, above = seek(keys, first)
    score = string.format('%.0f', at)
  end
  local skip, all = first - above, {}
  for _, key in ipairs(keys) do
    local got = redis.call('ZREVRANGEBYSCORE', key, score, '-inf', 'WITHSCORES', 'LIMIT', 0, skip + count)
    for i = 1, #got, 2 do all[#all + 1] = {tonumber(got[i + 1]), got[i]} end
  end
  table.sort(all, function(a, b) if a[1] == b[1] then return a[2] > b[2] end return a[1] > b[1] end)
  local page = {}
  for i = skip + 1, math.min(skip + count, #all) do page[#page + 1] = all[i][2] end
  return page
end

local reply = {NOW}
for i = 2, #ARGV, 3 do
  local keys, total = {}, 0
  for status in string.gmatch(ARGV[i], '[^,]+') do
    local key = owner and K.user_index(owner, status) or K.index(status)
    keys[#keys + 1] = key
    total = total + redis.call('ZCARD', key)
  end
  local first, count = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local column, ids = {total}, {}
  if count > 0 and #keys == 1 then ids = redis.call('ZREVRANGE', keys[1], first, first + count - 1)
  elseif count > 0 then ids = merged(keys, first, count) end
  for _, id in ipairs(ids) do column[#column + 1] = row(id, owner) end
  reply[#reply + 1] = column
end
return reply
