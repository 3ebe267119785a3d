-- Whether a key was used with another body. Stores nothing.
--
-- KEYS: meta, idempotency entry. ARGV: run id, now_ms, durable, fingerprint.
local known = redis.call('HMGET', KEYS[2], 'f', 'u', 'e')
if not known[1] or tonumber(known[2]) <= tonumber(ARGV[2]) or known[1] == ARGV[4] then return 0 end
if known[3] ~= '' then
  local m = redis.call('HMGET', KEYS[1], 'e', 'r')
  if m[1] ~= known[3] or (m[2] ~= ARGV[1] and ARGV[3] ~= '1') then return 0 end
end
return 1
