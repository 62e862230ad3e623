import { createHash } from "node:crypto"

/**
 * Claims the nonce KEYS[1] for ARGV[1] milliseconds unless its owner holds ARGV[2] nonces already. Answers 1 = claimed,
 * 0 = used before, -1 = the owner's share is used up. It takes one round trip and keys of one hash tag, so one node of
 * a cluster.
 *
 * KEYS[2] is a hash of the owner's nonces: how many expire in which minute. Minutes that are over are dropped when the
 * next nonce is claimed, so a nonce counts for up to a minute after it has expired, and at most a dozen fields are read.
 */
const source = `
local window, share = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local held = 0
local counts = redis.call('HGETALL', KEYS[2])
for i = 1, #counts, 2 do
  if (counts[i] + 1) * 60000 <= now then
    redis.call('HDEL', KEYS[2], counts[i])
  else
    held = held + counts[i + 1]
  end
end
if held >= share then
  if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
  return -1
end

if not redis.call('SET', KEYS[1], '1', 'PX', window, 'NX') then return 0 end
local minute = string.format('%.0f', math.floor((now + window) / 60000))
-- The first nonce of a minute keeps the hash until the last one of that minute has expired.
if redis.call('HINCRBY', KEYS[2], minute, 1) == 1 then redis.call('PEXPIRE', KEYS[2], window + 60000) end
return 1
`

/** The Lua script and its SHA-1 in hex, which EVALSHA names. */
export const nonceScript = { source, sha: createHash("sha1").update(source).digest("hex") }
