-- Gives permits of a window back that were reserved and never shown to anybody.
--
-- KEYS[1]  the counter
-- ARGV[1]  how many
--
-- Answers how many were taken off: all, or none where the counter is gone or holds fewer. Where it
-- fails, none were. The counter's expiry stays what it is.
local counter = tonumber(redis.call('GET', KEYS[1]) or '')
local permits = tonumber(ARGV[1])
if not counter or counter < permits then
  return 0
end
redis.call('DECRBY', KEYS[1], ARGV[1])
return permits
