-- Since when the store's data has had the history that it has, as all hosts together know it. A
-- host that starts after the store has lost counters learns of it here.
--
-- KEYS[1]  the record: "replid since", by INFO's master_replid and TIME in microseconds
-- ARGV[1]  the replid that this host knew, or nothing
--
-- Answers since: of windows that had begun by then, counters may be lost; 0 where no host knows of
-- a loss. A record of another replid was made before a restart or promotion. No record is a new
-- data base, unless this host knew another replid.
local info = redis.pcall('INFO', 'replication')
local replid = type(info) == 'string' and string.match(info, 'master_replid:(%x+)')
if not replid then
  return '0'
end
local record = redis.pcall('GET', KEYS[1])
local was, since
if type(record) == 'string' then
  was, since = string.match(record, '^(%x+) (%d+)$')
end
local lost = ARGV[1] ~= '' and ARGV[1] ~= replid
if was == replid and not (lost and since == '0') then
  return since
end
since = '0'
if lost or record then
  local time = redis.call('TIME')
  since = string.format('%d%06d', time[1], time[2])
end
-- Where this is refused (no memory, say), the next host finds what this one has found.
redis.pcall('SET', KEYS[1], replid .. ' ' .. since)
return since
