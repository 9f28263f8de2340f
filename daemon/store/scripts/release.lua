-- Gives permits of a window back that were reserved and that nobody has used; or charges some that
-- were used and never reserved, whatever the counter holds then.
--
-- KEYS     the counter, its mark (clear.lua); then, where ARGV[2] is not empty, the record of the
--          reign (reign.lua)
-- ARGV[1]  how many; negative: so many are charged
-- ARGV[2]  what that record has to hold
-- ARGV[3]  when the counter may expire (ms), where some are charged
--
-- Answers how many were taken off: all, or none where the counter is gone or holds fewer, or has
-- a mark, so that they may have been counted before it was cleared, or the record holds something
-- else, so that they were counted in data which are lost; less than none
-- where some were charged. Where it fails, none were. What is taken off leaves the expiry as it is.
if ARGV[2] ~= '' and redis.pcall('GET', KEYS[3]) ~= ARGV[2] then
  return 0
end
local held = redis.call('GET', KEYS[1])
local counter, permits = tonumber(held or ''), tonumber(ARGV[1])
if permits >= 0 then
  if not counter or counter < permits or redis.call('GET', KEYS[2]) then
    return 0
  end
  redis.call('DECRBY', KEYS[1], ARGV[1])
  return permits
end

local time = redis.call('TIME')
local lives = ARGV[3] - time[1] * 1000 - math.floor(time[2] / 1000)
if lives <= 0 or held and not counter then
  return 0
elseif not held then
  redis.call('SET', KEYS[1], -permits, 'PX', lives)
  return permits
elseif counter > 2 ^ 53 then
  return 0  -- no more can be told
end
if redis.call('PTTL', KEYS[1]) < lives then
  redis.call('PEXPIREAT', KEYS[1], ARGV[3])
end
redis.call('INCRBY', KEYS[1], -permits)
return permits
