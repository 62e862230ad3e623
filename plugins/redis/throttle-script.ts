import { createHash } from "node:crypto"

/**
 * Takes one slot of KEYS[1], which has ARGV[1] slots in any ARGV[2] milliseconds of the Redis server's clock. Answers
 * 0, or the whole milliseconds (≥ 1) until a slot is free. It takes one round trip and one key, so one node of a
 * cluster.
 *
 * The key is a list of marks, oldest first, each `time:before:takes`: when (µs), how many takes came before this mark
 * since the list began, and how many takes it stands for. A take reads only the first and the last mark, whatever the
 * count. Counts up to 1,000 mark each take; larger counts mark thousandths of the window, and each take counts as if it
 * came at the end of its thousandth: the list stays bounded, and a slot returns up to 0.1 % of the window late, never
 * early.
 */
const source = `
local key, count, window_us = KEYS[1], tonumber(ARGV[1]), ARGV[2] * 1000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local grain = 1
if count > 1000 then grain = window_us / 1000 end
local mark = math.ceil(now / grain) * grain

local function read(text)
  if not text then return nil end
  local at, before, takes = string.match(text, '(%d+):(%d+):(%d+)')
  return { at = tonumber(at), before = tonumber(before), takes = tonumber(takes) }
end
local function text(at, before, takes)
  return string.format('%.0f:%.0f:%.0f', at, before, takes)
end

local head = read(redis.call('LINDEX', key, 0))
while head and head.at + window_us <= now do
  redis.call('LPOP', key)
  head = read(redis.call('LINDEX', key, 0))
end

local tail, used = nil, 0
if head then
  tail = read(redis.call('LINDEX', key, -1))
  if tail.at > mark then
    -- Takes in the future mean that the clock was set back, for example by a failover to a machine that is behind. They
    -- count as taken now, so that a key is never locked for longer than its window.
    local takes, before = 0, 0
    while tail and tail.at > mark do
      takes, before = takes + tail.takes, tail.before
      redis.call('RPOP', key)
      tail = read(redis.call('LINDEX', key, -1))
    end
    redis.call('RPUSH', key, text(mark, before, takes))
    redis.call('PEXPIRE', key, math.ceil((mark + window_us - now) / 1000) + 1)
    head = read(redis.call('LINDEX', key, 0))
    tail = read(redis.call('LINDEX', key, -1))
  end
  used = tail.before + tail.takes - head.before
end

if used < count then
  if tail and tail.at == mark then
    redis.call('LSET', key, -1, text(mark, tail.before, tail.takes + 1))
  else
    redis.call('RPUSH', key, text(mark, tail and tail.before + tail.takes or 0, 1))
  end
  redis.call('PEXPIRE', key, math.ceil((mark + window_us - now) / 1000) + 1)
  return 0
end

-- The mark that frees a slot when it expires: the first one, unless the count was lowered since the takes.
local free_at = head
if used - head.takes >= count then
  for _, each in ipairs(redis.call('LRANGE', key, 0, -1)) do
    free_at = read(each)
    if used - (free_at.before + free_at.takes - head.before) < count then break end
  end
end
return math.max(1, math.ceil((free_at.at + window_us - now) / 1000))
`

/** The Lua script and its SHA-1 in hex, which EVALSHA names. */
export const throttleScript = { source, sha: createHash("sha1").update(source).digest("hex") }
