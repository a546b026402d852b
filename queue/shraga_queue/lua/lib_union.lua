-- Several indexes read as one list: any rank of it, without reading what comes before.
-- KEYS: none. ARGV: none. Reply: none; a library.
-- Invariants: looking changes nothing; the work depends on the indexes and the rows asked for, not on the tasks there are.
-- The order: the score, among equals the order of the indexes, then the id in the direction of the score.
local CHUNK = 64

local function words(joined)
  local found = {}
  for word in string.gmatch(joined, '[^,]+') do found[#found + 1] = word end
  return found
end

-- The indexes of some statuses, of everybody or of some owners.
local function indexes(statuses, owners)
  local found = {}
  for _, status in ipairs(words(statuses)) do
    if owners == '' then found[#found + 1] = {key = K.index(status)} end
    for _, owner in ipairs(words(owners)) do
      found[#found + 1] = {key = K.user_index(owner, status), owner = owner}
    end
  end
  return found
end

-- What the indexes hold between two scores, both included; a part knows how many come before it in its index.
local function union(indexes, low, high, oldest)
  local list = {parts = {}, total = 0, low = low, high = high, oldest = oldest}
  for place, index in ipairs(indexes) do
    local size = redis.call('ZCOUNT', index.key, low, high)
    if size > 0 then
      local before = oldest and redis.call('ZCOUNT', index.key, '-inf', '(' .. low)
        or redis.call('ZCOUNT', index.key, '(' .. high, '+inf')
      list.parts[#list.parts + 1] =
        {key = index.key, owner = index.owner, place = place, size = size, before = before}
      list.total = list.total + size
    end
  end
  return list
end

-- How many of a part come before a score, and how many before it or with it.
local function ahead(list, part, score)
  if list.oldest then return redis.call('ZCOUNT', part.key, list.low, '(' .. score) end
  return redis.call('ZCOUNT', part.key, '(' .. score, list.high)
end

local function through(list, part, score)
  if list.oldest then return redis.call('ZCOUNT', part.key, list.low, score) end
  return redis.call('ZCOUNT', part.key, score, list.high)
end

local function all_ahead(list, score)
  local total, text = 0, string.format('%.0f', score)
  for _, part in ipairs(list.parts) do total = total + ahead(list, part, text) end
  return total
end

local function members(list, part, first, last)
  if list.oldest then return redis.call('ZRANGE', part.key, first, last, 'WITHSCORES') end
  return redis.call('ZREVRANGE', part.key, first, last, 'WITHSCORES')
end

-- The score of the member at a rank: what comes before it are at most `rank`, with its equals they are more.
local function seek(list, rank)
  local low, high = math.huge, -math.huge
  for _, part in ipairs(list.parts) do
    local one = tonumber(members(list, part, part.before, part.before)[2])
    local other = tonumber(members(list, part, part.before + part.size - 1, part.before + part.size - 1)[2])
    low, high = math.min(low, one, other), math.max(high, one, other)
  end
  -- The wanted score is never `low` in one direction, never `high` in the other.
  if list.oldest then high = high + 1 else low = low - 1 end
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    if (all_ahead(list, middle) > rank) == list.oldest then high = middle else low = middle end
  end
  return list.oldest and low or high
end

-- Where each part is entered so that the list goes on at a rank.
local function enter_at(list, rank)
  for _, part in ipairs(list.parts) do part.at = part.before end
  if rank <= 0 then return end
  if rank >= list.total then
    for _, part in ipairs(list.parts) do part.at = part.before + part.size end
    return
  end
  if #list.parts == 1 then
    list.parts[1].at = list.parts[1].before + rank
    return
  end
  local score, equals = string.format('%.0f', seek(list, rank)), {}
  for i, part in ipairs(list.parts) do
    local before = ahead(list, part, score)
    part.at, equals[i], rank = part.before + before, through(list, part, score) - before, rank - before
  end
  for i, part in ipairs(list.parts) do
    local passed = math.min(rank, equals[i])
    part.at, rank = part.at + passed, rank - passed
  end
end

-- How many of a part's members with a score come up to an id, in the direction of the list.
local function passed(list, part, score, id)
  local first = part.before + ahead(list, part, score)
  local low, high = first, part.before + through(list, part, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local there = members(list, part, middle, middle)[1]
    local before = list.oldest and there <= id or not list.oldest and there >= id
    if before then low = middle + 1 else high = middle end
  end
  return low - first
end

-- Where each part is entered so that the list goes on after a member, whether that is still there or not.
local function enter_after(list, score, place, id)
  for _, part in ipairs(list.parts) do
    local before = part.place < place and through(list, part, score) or ahead(list, part, score)
    if part.place == place then before = before + passed(list, part, score, id) end
    part.at = part.before + before
  end
end

local function head(list, part)
  local id = part.read and part.read[part.next]
  if not id and part.at < part.before + part.size then
    local last = math.min(part.at + (list.chunk or CHUNK), part.before + part.size) - 1
    part.read, part.next = members(list, part, part.at, last), 1
    part.at = last + 1
    id = part.read[1]
  end
  if id then return tonumber(part.read[part.next + 1]) end
end

-- The next member: its id, its part, its score as text; nil at the end.
local function following(list)
  local best, score
  for _, part in ipairs(list.parts) do
    local one = head(list, part)
    if one and (not best or (list.oldest and one < score or not list.oldest and one > score)) then
      best, score = part, one
    end
  end
  if not best then return nil end
  local id, text = best.read[best.next], best.read[best.next + 1]
  best.next = best.next + 2
  return id, best, text
end

-- The scores between which a filter by age looks: ages in ms or ''.
local function between(older, younger)
  local low = younger ~= '' and string.format('%.0f', NOW - tonumber(younger)) or '-inf'
  local high = older ~= '' and string.format('%.0f', NOW - tonumber(older)) or '+inf'
  return low, high
end
