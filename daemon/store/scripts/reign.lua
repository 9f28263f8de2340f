-- Since when the store's data has had the history that it has, as all hosts together know it. A
-- host that starts after the store has lost counters learns of it here.
--
-- KEYS[1]  the record: "replid since", by INFO's master_replid and TIME in microseconds
-- ARGV[1]  the replid that this host knew; '-' where it knew none, but was there before the store
--          could be asked; or nothing
--
-- Answers since: of windows that had begun by then, counters may be lost; 0 where no host knows of
-- a loss. A record of another replid was made before a restart or promotion. No record is a new
-- data base, unless this host knew another replid, or may have been there before it. Where the record cannot be read or written the
-- answer is that error: whoever comes later could not learn of the loss.
local info = redis.pcall('INFO', 'replication')
local replid = type(info) == 'string' and string.match(info, 'master_replid:(%x+)')
if not replid then
  return '0'
end
local record = redis.pcall('GET', KEYS[1])
if type(record) == 'table' and not string.find(record.err, 'WRONGTYPE') then
  return record
end
local was, since
if type(record) == 'string' then
  was, since = string.match(record, '^(%x+) (%d+)$')
end
local knew = ARGV[1]
local lost = knew ~= '' and knew ~= replid
-- Whoever has known no other history has nothing to say against a record of this one.
if was == replid and not (lost and knew ~= '-' and since == '0') then
  return since
end
since = '0'
if lost or record then
  local time = redis.call('TIME')
  since = string.format('%d%06d', time[1], time[2])
end
local written = redis.pcall('SET', KEYS[1], replid .. ' ' .. since)
return written.err and written or since
