-- Reads a channel at one moment, and gives it an epoch where it has none.
--
-- KEYS: meta, stream, retained. ARGV: run id, now_ms, ttl_ms, durable, fresh epoch, age_ms, whether it keeps a history, epoch and
-- offset to recover from (empty: none), how many of the newest otherwise, most bytes, the offset that this relay has seen in that
-- epoch (empty: nobody vouches for it; given: the relay holds the channel, and looks again within the time of UNUSED).
-- Answers {epoch, offset, recovered, {offset, publication, …}, {event, entry, …}}.
local run, now, ttl, durable = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4] == '1'
local age, keeps = tonumber(ARGV[6]), ARGV[7] == '1'
local from_epoch, from, newest, most_bytes = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
-- UNUSED, in ms: anybody who may read may name channels that nobody ever publishes to, and a full Redis refuses every write.
local OVERHEAD, UNUSED = 128, 900000
local epoch, offset = '', 0
if keeps then
  local m = redis.call('HMGET', KEYS[1], 'e', 'o', 'r')
  local is_good = m[1] and (m[3] == run or durable)
  -- Redis has less than it once told: whatever it promised, it lost data, and its numbers would be given twice.
  if is_good and ARGV[12] ~= '' and from_epoch == m[1] and tonumber(ARGV[12]) > tonumber(m[2]) then is_good = false end
  if is_good then
    epoch, offset = m[1], tonumber(m[2])
  else
    epoch = ARGV[5]
    -- First, as in publish.lua: a full Redis refuses it.
    redis.call('HSET', KEYS[1], 'e', epoch, 'o', 0, 'r', run, 'b', 0)
    redis.call('DEL', KEYS[2])
  end
  local stays = tonumber(ttl)
  if offset == 0 and ARGV[12] == '' then stays = math.min(stays, UNUSED) end
  -- A relay that holds it may have given it longer.
  if redis.call('PTTL', KEYS[1]) < stays then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', stays)) end
end
local retained = redis.call('HGETALL', KEYS[3])
if #retained > 0 then redis.call('PEXPIRE', KEYS[3], ttl) end

local found, recovered = {}, 0
if from and not keeps then
  recovered = 1
elseif from and from_epoch == epoch and from == offset then
  recovered = 1
elseif from and from_epoch == epoch and from < offset then
  local bytes, expected = 0, from + 1
  for _, item in ipairs(redis.call('XRANGE', KEYS[2], string.format('%.0f-0', expected), '+', 'COUNT', offset - from)) do
    bytes = bytes + #item[2][4] + OVERHEAD
    if item[1] ~= string.format('%.0f-0', expected) or tonumber(item[2][2]) + age <= now or bytes > most_bytes then break end
    found[#found + 1] = string.format('%.0f', expected)
    found[#found + 1] = item[2][4]
    expected = expected + 1
  end
  if expected == offset + 1 then recovered = 1 else found = {} end
end
if recovered == 0 and newest > 0 and keeps then
  local bytes, taken = 0, 0
  local items = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', newest)
  for _, item in ipairs(items) do
    bytes = bytes + #item[2][4] + OVERHEAD
    if tonumber(item[2][2]) + age <= now or bytes > most_bytes then break end
    taken = taken + 1
  end
  for place = taken, 1, -1 do
    found[#found + 1] = items[place][1]:match('^%d+')
    found[#found + 1] = items[place][2][4]
  end
end
return {epoch, string.format('%.0f', offset), recovered, found, retained}
