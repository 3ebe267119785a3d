-- Writes who is present in some channels by way of one relay, or renews that, and tells the other relays.
--
-- KEYS: for each channel the set of relays that have users in it, and this relay's users there.
-- ARGV: deadline_ms by Redis' own clock, lease_ms, the command that tells, this relay; then for each channel: whether all its
-- users come, the version that this is a change of (`0`: none), the new version, the message for the others, the name under which
-- it is told, how many users; and for each of those: id, and `+` with the name, or `-`.
-- Answers {'late'}, or {'done', place, …} with the places where Redis has another version: nothing was written there.
--
-- A renewal (no users, the version of before) takes no memory, so a full Redis does it, too.
local deadline, lease, tell, node = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
if tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) > deadline then return {'late'} end

local answer, place, at = {'done'}, 0, 5
while at <= #ARGV do
  local relays, own = KEYS[place * 2 + 1], KEYS[place * 2 + 2]
  local whole, from, version, count = ARGV[at] == '1', ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 5])
  local message, name, first = ARGV[at + 3], ARGV[at + 4], at + 6
  place, at = place + 1, first + 2 * count
  -- The empty field, which is no user, holds the version.
  if not whole and (redis.call('HGET', own, '') or '0') ~= from then
    answer[#answer + 1] = place
  else
    if whole then redis.call('DEL', own) end
    for i = first, at - 1, 2 do
      if ARGV[i + 1] == '-' then
        redis.call('HDEL', own, ARGV[i])
      else
        redis.call('HSET', own, ARGV[i], string.sub(ARGV[i + 1], 2))
      end
    end
    if version ~= from then
      redis.call('HSET', own, '', version)
      if redis.call('HLEN', own) == 1 then
        redis.call('DEL', own)
        redis.call('SREM', relays, node)
      else
        redis.call('SADD', relays, node)
      end
    end
    redis.call('PEXPIRE', own, lease)
    redis.call('PEXPIRE', relays, lease)
    redis.call(tell, name, message)
  end
end
return answer
