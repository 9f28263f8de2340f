-- Lets the counter of a window begin anew: it holds nothing, and its mark is another one than before.
-- Or only tells the mark, to a host that sees a counter lower than what it has taken.
-- docs/clearing.md says what a mark is for.
--
-- KEYS     the counter, its mark; where ARGV[5] is there, its block (docs/blocking.md), which is
--          lifted whether the counter is there or not; then, where ARGV[1] is not empty, the record
--          of the reign (reign.lua)
-- ARGV[1]  what that record has to hold
-- ARGV[2]  the new mark, a whole number from 1 to 2^53; 0: the mark is only told
-- ARGV[3]  the window's end (ms)
-- ARGV[4]  when both keys may expire (ms)
-- ARGV[5]  '1': the counter has a block
--
-- Answers nothing, {}, where the record holds something else. Else {the mark}, 0 for none, where that
-- is only told; or {what the counter held}, at most 2^53, {-1} where the window is over, and {-2}
-- where the counter is not there: then nothing else was written. Where it fails in between, the mark is
-- another one and the counter what it was, which is safe.
if ARGV[1] ~= '' and redis.pcall('GET', KEYS[#KEYS]) ~= ARGV[1] then
  return {}
end
if ARGV[2] == '0' then
  return {tonumber(redis.call('GET', KEYS[2]) or 0) or 0}
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now >= tonumber(ARGV[3]) then
  return {-1}
end
if ARGV[5] then
  redis.call('PEXPIREAT', KEYS[3], 1)
end
local held = redis.call('GET', KEYS[1])
if not held then
  return {-2}
end
local counter = tonumber(held)
if not counter or counter ~= counter then
  return redis.error_reply('ERR the counter holds something that is no whole number')
end
-- Neither lives shorter than the counter would have.
local lives = math.max(redis.call('PTTL', KEYS[1]), ARGV[4] - now)
redis.call('SET', KEYS[2], ARGV[2], 'PX', lives)
redis.call('SET', KEYS[1], 0, 'PX', lives)
return {math.max(0, math.min(2 ^ 53, math.floor(counter)))}
