-- Which reign the store is in: since when one process has been its primary, with the data that it
-- has. What the hosts know of it together stands in a record: whoever starts after counters were
-- lost learns of it here.
--
-- KEYS[1]  the record: "replid since token", by INFO's master_replid, TIME in microseconds, and a
--          word that no other record has
-- ARGV[1]  the record as this host knew it; '-' where it knew none, and the store once refused to
--          write it; or nothing
-- ARGV[2]  the token for a record that is written now
-- ARGV[3]  'write' where it is to be written although it stands, so that replicas have something to
--          acknowledge; or nothing
--
-- Answers the record that holds from now on, or '' where the store does not tell its replid. Of
-- windows that had begun by its `since`, counters may be lost; 0 where no host knows of a loss.
--
-- A record of another replid was made before a restart or promotion. No record is a new data base,
-- unless this host knew one, others may have while the store wrote nothing, or the store was a
-- replica, which may lack what the primary had. A host that knew
-- another record knows of a loss, so that it believes none that is not of a later moment. Where the
-- record cannot be read or written the answer is that error: whoever comes later could not learn of
-- the loss.
local info = redis.pcall('INFO', 'replication')
local replid = type(info) == 'string' and string.match(info, 'master_replid:(%x+)')
if not replid then
  return ''
end
local before = string.match(info, 'master_replid2:(%x+)')
local promoted = before and string.find(before, '[^0]')
local record = redis.pcall('GET', KEYS[1])
if type(record) == 'table' and not string.find(record.err, 'WRONGTYPE') then
  return record
end
local was, since, token
if type(record) == 'string' and #record <= 128 then
  was, since, token = string.match(record, '^(%x+) (%d+) ?(%x*)$')
end
local time = redis.call('TIME')
local now = string.format('%d%06d', time[1], time[2])
local knew = ARGV[1]
local lost = knew ~= '' and knew ~= record
-- '-' is who knew none.
local known_since = string.match(knew, ' (%d+)')
local doubted = lost and known_since and
    (token == '' or since == '0' or tonumber(since or 0) <= tonumber(known_since))
-- One that is of a moment still to come was written by a clock that was wrong.
if was == replid and tonumber(since) <= tonumber(now) and not doubted then
  if token ~= '' then
    local same = ARGV[3] == 'write' and redis.pcall('SET', KEYS[1], record)
    return same and same.err and same or record
  end
  -- A daemon of a version without tokens has written it.
else
  since = (lost or record or promoted) and now or '0'
end
record = replid .. ' ' .. since .. ' ' .. ARGV[2]
local written = redis.pcall('SET', KEYS[1], record)
return written.err and written or record
