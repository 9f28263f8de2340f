-- Since when the store's data has had the history that it has, as all hosts together know it. A
-- host that starts after the store has lost counters learns of it here.
--
-- KEYS[1]  the record: "replid since", by INFO's master_replid and TIME in microseconds
-- ARGV[1]  the replid that this host knew; '-' where it knew none, and the store once refused to
--          write the record for it; or nothing
--
-- Answers since: of windows that had begun by then, counters may be lost; 0 where no host knows of
-- a loss. A record of another replid was made before a restart or promotion. No record is a new
-- data base, unless this host knew another replid, or others may have while the store wrote nothing.
-- Where the record cannot be read or written the answer is that error: whoever comes later could
-- not learn of the loss.
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
local time = redis.call('TIME')
local now = string.format('%d%06d', time[1], time[2])
local knew = ARGV[1]
local lost = knew ~= '' and knew ~= replid
-- Whoever has known no other history has nothing to say against a record of this one, but that it
-- is of a moment still to come: a clock that was wrong has written it.
if was == replid and tonumber(since) <= tonumber(now) and
    not (lost and knew ~= '-' and since == '0') then
  return since
end
since = (lost or record) and now or '0'
local written = redis.pcall('SET', KEYS[1], replid .. ' ' .. since)
return written.err and written or since
