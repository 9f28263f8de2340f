-- Counts the hosts that there are, for who has to know how large a part of a limit is each one's.
--
-- KEYS[1]  the count of this minute
-- KEYS[2]  that of the minute before
-- ARGV[1]  '1' where the host that asks is to be counted in this minute, '0' where it only looks
-- ARGV[2]  when the count of this minute may expire (ms)
--
-- Answers the larger of the two.
local now = tonumber(redis.call('GET', KEYS[1]) or 0) or 0
if ARGV[1] == '1' then
  now = redis.call('INCRBY', KEYS[1], 1)
  redis.call('PEXPIREAT', KEYS[1], ARGV[2])
end
return math.max(now, tonumber(redis.call('GET', KEYS[2]) or 0) or 0)
