-- Reserves permits of one window in its counter.
--
-- KEYS[1]  the counter
-- ARGV     window's start and end (ms), limit, how far ahead a window may start (ms),
--          when the counter may expire (ms), then runs of equal costs: cost, how many
--
-- Answers {status, counter, TIME's seconds, TIME's microseconds, granted of run 1, ...}
-- with status 0: looked at; 1: the window is over; 2: it starts too far ahead.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local answer = {0, 0, tonumber(time[1]), tonumber(time[2])}

-- A host whose clock is off must not open an old window again, whose counter may have expired,
-- nor use one up that is still to come.
if now >= tonumber(ARGV[2]) then
  answer[1] = 1
  return answer
end
if tonumber(ARGV[1]) > now + tonumber(ARGV[4]) then
  answer[1] = 2
  return answer
end

local counter = tonumber(redis.call('GET', KEYS[1]) or '0')
if not counter then
  return redis.error_reply('ERR the counter holds something that is no number')
end

-- Callers of the recipe, and hosts with a larger limit, push the counter above this limit;
-- one below zero was tampered with. Neither has permits left.
local left = 0
if counter >= 0 then
  left = math.max(0, tonumber(ARGV[3]) - counter)
end

local total = 0
for i = 6, #ARGV, 2 do
  local cost = tonumber(ARGV[i])
  local granted = math.min(tonumber(ARGV[i + 1]), math.floor(left / cost))
  left = left - granted * cost
  total = total + granted * cost
  answer[#answer + 1] = granted
end
if total > 0 then
  counter = redis.call('INCRBY', KEYS[1], string.format('%.0f', total))
end
answer[2] = counter

-- Granted or not: the recipe's own EXPIRE may end inside the window. Never lowered: another host
-- may know better. -2 (no such key) needs none.
local ttl = redis.call('PTTL', KEYS[1])
if ttl ~= -2 and (ttl == -1 or now + ttl < tonumber(ARGV[5])) then
  redis.call('PEXPIREAT', KEYS[1], ARGV[5])
end
return answer
