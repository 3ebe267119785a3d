-- Stores publications, all of them or none, and tells the other relays.
--
-- KEYS: for each publication its channel's meta, stream and retained keys, and the key of its idempotency entry.
-- ARGV: run id, now_ms, ttl_ms, durable, deadline_ms by Redis' own clock, the command that tells, node, how many; then for each:
-- fresh epoch, most publications, age_ms, most bytes, whether it is numbered, retained event, fingerprint, until when the key is
-- remembered, the publication, the name under which it is told.
-- Answers {'stored', {status, epoch, offset}, …}, {'conflict', place} or {'late'}.
local run, now, ttl, durable = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local tell, node, count = ARGV[6], ARGV[7], tonumber(ARGV[8])
-- OVERHEAD: what an entry weighs beside its publication, as in size.rs.
local HEAD, WIDTH, OVERHEAD = 8, 10, 128

-- Whoever waited longer has given up and was told that nothing is stored.
local time = redis.call('TIME')
if tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) > tonumber(ARGV[5]) then return {'late'} end

local function digits(number) return string.format('%.0f', number) end

-- Where a channel stands: epoch (false: none), offset, bytes. After a restart of Redis nobody knows what it lost.
local function stands(meta)
  local m = redis.call('HMGET', meta, 'e', 'o', 'r', 'b')
  if not m[1] or (m[3] ~= run and not durable) then return false, 0, 0 end
  return m[1], tonumber(m[2]), tonumber(m[4])
end

-- What is remembered of an idempotency key: fingerprint, epoch, offset.
local function remembered(meta, entry)
  local known = redis.call('HMGET', entry, 'f', 'u', 'e', 'o')
  if not known[1] or tonumber(known[2]) <= now then return nil end
  if known[3] ~= '' and known[3] ~= stands(meta) then return nil end
  return known[1], known[3], known[4]
end

-- Everything that can go wrong is found before anything is stored.
local own = {}
for i = 1, count do
  local k, a = (i - 1) * 4, HEAD + (i - 1) * WIDTH
  local fingerprint = ARGV[a + 7]
  if fingerprint ~= '' then
    local entry = KEYS[k + 4]
    local known = own[entry] or remembered(KEYS[k + 1], entry)
    if known and known ~= fingerprint then return {'conflict', i} end
    own[entry] = fingerprint
  end
end

local answer = {'stored'}
for i = 1, count do
  local k, a = (i - 1) * 4, HEAD + (i - 1) * WIDTH
  local meta, stream, retained, entry = KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4]
  local most, age, most_bytes = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  local numbered, event, fingerprint, body = ARGV[a + 5] == '1', ARGV[a + 6], ARGV[a + 7], ARGV[a + 9]
  local known, known_epoch, known_offset
  if fingerprint ~= '' then known, known_epoch, known_offset = remembered(meta, entry) end
  if known then
    answer[#answer + 1] = {'repeated', known_epoch, known_offset}
  else
    local epoch, offset, bytes = '', 0, 0
    if numbered then
      epoch, offset, bytes = stands(meta)
      if not epoch then
        epoch = ARGV[a + 1]
        -- Before DEL: a full Redis refuses a script at its first write, and only where that one takes memory; once a script has
        -- written anything it may do the rest.
        redis.call('HSET', meta, 'e', epoch)
        redis.call('DEL', stream)
      end
      offset = offset + 1
      redis.call('XADD', stream, digits(offset) .. '-0', 't', ARGV[2], 'p', body)
      local length = redis.call('XLEN', stream)
      -- The stream may have run out by itself, all of it too old.
      if length == 1 then bytes = 0 end
      bytes = bytes + #body + OVERHEAD
      -- Whatever is too old or too much goes, from the front.
      local first
      while length > 0 do
        local some = redis.call('XRANGE', stream, first and '(' .. first or '-', '+', 'COUNT', first and 16 or 2)
        local kept = #some == 0
        for _, item in ipairs(some) do
          if tonumber(item[2][2]) + age > now and length <= most and bytes <= most_bytes then
            kept = true
            break
          end
          first, length, bytes = item[1], length - 1, bytes - #item[2][4] - OVERHEAD
        end
        if kept then break end
      end
      if first then redis.call('XTRIM', stream, 'MINID', digits(tonumber(first:match('^%d+')) + 1) .. '-0') end
      redis.call('HSET', meta, 'e', epoch, 'o', digits(offset), 'r', run, 'b', digits(math.max(bytes, 0)))
      redis.call('PEXPIRE', meta, ttl)
      redis.call('PEXPIRE', stream, math.min(age, ttl))
    end
    if event ~= '' then
      redis.call('HSET', retained, event, epoch .. '\n' .. digits(offset) .. '\n' .. body)
      redis.call('PEXPIRE', retained, ttl)
    end
    if fingerprint ~= '' then
      redis.call('HSET', entry, 'f', fingerprint, 'u', ARGV[a + 8], 'e', epoch, 'o', digits(offset))
      redis.call('PEXPIRE', entry, math.max(1, tonumber(ARGV[a + 8]) - now))
    end
    redis.call(tell, ARGV[a + 10], node .. '\n' .. epoch .. '\n' .. digits(offset) .. '\n' .. body)
    answer[#answer + 1] = {'fresh', epoch, digits(offset)}
  end
end
return answer
