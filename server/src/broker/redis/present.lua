-- Who is present in a channel by way of other relays; relays whose lease ran out are dropped.
--
-- KEYS: the set of relays that have users in it. ARGV: this relay, which is left out.
-- Answers {{relay, how long its lease lasts in ms, {user, name, …}}, …}; the user '' has the version in place of a name. {relay} alone is a
-- lease that cannot be read: no reason to hide the others.
local answer = {}
for _, node in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if node ~= ARGV[1] then
    -- The same hash tag, and a cluster is refused.
    local own = KEYS[1] .. ':' .. node
    local users = redis.pcall('HGETALL', own)
    if users.err then
      answer[#answer + 1] = {node}
    elseif #users == 0 then
      redis.call('SREM', KEYS[1], node)
    else
      answer[#answer + 1] = {node, redis.call('PTTL', own), users}
    end
  end
end
return answer
