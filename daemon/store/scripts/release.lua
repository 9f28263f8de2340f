-- Gives permits of a window back that were reserved and never shown to anybody.
--
-- KEYS     the counter; then, where ARGV[2] is not empty, the record of the reign (reign.lua)
-- ARGV[1]  how many
-- ARGV[2]  what that record has to hold
--
-- Answers how many were taken off: all, or none where the counter is gone or holds fewer, or the
-- record holds something else, so that they were counted in data which are lost. Where it fails,
-- none were. The counter's expiry stays what it is.
if ARGV[2] ~= '' and redis.pcall('GET', KEYS[2]) ~= ARGV[2] then
  return 0
end
local counter = tonumber(redis.call('GET', KEYS[1]) or '')
local permits = tonumber(ARGV[1])
if not counter or counter < permits then
  return 0
end
redis.call('DECRBY', KEYS[1], ARGV[1])
return permits
