-- Tells the store what a host knows of counters whose count it has lost, wholly or in part. When all
-- hosts have told, each counter holds what they were granted of it before the loss, and what was
-- reserved since.
--
-- KEYS     of each counter two: itself, and its base; then the record of the reign (reign.lua), unless
--          that is in another slot of a Redis Cluster
-- ARGV     what that record has to hold, or held at the greeting; then of each counter the highest
--          count that the host was told before the loss, and when both keys may expire (ms)
--
-- Answers nothing, {}, where the record holds something else than it has to, or, where it is none of
-- the keys, is of another replid than the store. Else {TIME's seconds, TIME's microseconds}, then of each counter what it holds now,
-- or, as a text, the error by which the store refused a command on it, of which nobody has told
-- anything then.
--
-- The base is "token base", by the token of the record: the count as it was at the beginning of the
-- reign, as far as is known. The first to tell takes what the store still had. Who knows of more
-- raises the base to that, and the counter by as much. Raising the counter itself to what is known
-- would give that out again which was reserved meanwhile.
local replid, token = string.match(ARGV[1], '^(%x+).* (%x+)$')
if #KEYS % 2 == 1 then
  if redis.pcall('GET', KEYS[#KEYS]) ~= ARGV[1] then
    return {}
  end
else
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' or string.match(info, 'master_replid:(%x+)') ~= replid then
    return {}
  end
end
local time = redis.call('TIME')
local answer = {tonumber(time[1]), tonumber(time[2])}
local now = answer[1] * 1000 + math.floor(answer[2] / 1000)

-- The reply, or out of tell() with the error.
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    error(reply, 0)
  end
  return reply
end

-- Lua's numbers are doubles, which skip whole numbers beyond.
local function within(number)
  return math.max(-2 ^ 53, math.min(2 ^ 53, number))
end

local function tell(counter, base, known, expire_at)
  local lives = expire_at - now
  local value = call('GET', counter)
  local count = tonumber(value or 0)
  if not count or count ~= count then
    return 'the counter holds something that is no whole number'
  end
  local of, was = string.match(call('GET', base) or '', '^(%x+) (-?%d+)$')
  -- A base without its counter has lost it: what was told before is to be told again.
  local begun = of == token and (value or was == '0')
  was = begun and tonumber(was) or math.floor(within(count))
  local more = math.max(0, known - was)
  if more > 0 and value then
    count = call('INCRBY', counter, string.format('%.0f', more))
  elseif more > 0 then
    call('SET', counter, string.format('%.0f', more), 'PX', lives)
    count = more
  end
  if value and call('PTTL', counter) < lives then
    call('PEXPIREAT', counter, expire_at)
  end
  if more > 0 or not begun then
    local set = redis.pcall('SET', base, token .. string.format(' %.0f', was + more), 'PX', lives)
    if set.err then
      -- Else it would be added again each time.
      if more > 0 then
        call('DECRBY', counter, string.format('%.0f', more))
      end
      error(set, 0)
    end
  end
  return within(count)
end

for i = 1, math.floor(#KEYS / 2) do
  local expire_at = tonumber(ARGV[1 + 2 * i])
  if expire_at <= now then
    answer[2 + i] = 0
  else
    local done, told = pcall(tell, KEYS[2 * i - 1], KEYS[2 * i], tonumber(ARGV[2 * i]), expire_at)
    -- Later versions make a text of an error that comes out of a function.
    answer[2 + i] = not done and type(told) == 'table' and told.err or told
  end
end
return answer
