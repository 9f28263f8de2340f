-- What a host holds of a concurrency limit: docs/concurrency.md. The host says how many slots it
-- wants to hold, and not how many more, so that the call may be repeated.
--
-- KEYS     the counter; then, where ARGV[1] is not empty, the record of the reign (reign.lua)
-- ARGV     what that record has to hold; the host, in hexadecimal digits; the call's sequence number;
--          the limit; for how long the hold is good (ms); what is entered on the host; what it goes on
--          using until it is answered, as it believes its hold is good; what it wants to hold
--
-- The counter is a string, of each host "host:held:until:sequence:gone:wanted" (ms), with a space
-- between them. At `until` what is held is over; until `gone` the sequence is remembered, so that a
-- call which comes late does nothing. `wanted` is what it asked for, `until - ttl` when it did.
--
-- Answers nothing, {}, where the record holds something else. Else TIME's seconds and microseconds,
--   0, held, others, until, sharing, least  the host holds so many, all others together so many
--   1, ...   a call with a sequence as high has come before: nothing was done
--   2, ...   there are as many hosts as there may be: nothing was done
-- `sharing` of the others hold something, or have asked within a second for more than they got; the
-- least that one of the latter holds is `least`, or -1.
--
-- What is entered is counted, also where that is more than the limit has left. Who believes to hold
-- something, of which nothing is here, is granted what is entered and no more: what is missing of
-- this host may be missing of others.
if ARGV[1] ~= '' and redis.pcall('GET', KEYS[2]) ~= ARGV[1] then
  return {}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local host, sequence, limit, ttl = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local used, kept, wanted = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

local mine, held, ends, gone = 0, 0, 0, 0
local others, latest, hosts = 0, 0, {}
local sharing, least = 0, -1
for word in string.gmatch(redis.call('GET', KEYS[1]) or '', '[^ ]+') do
  local of, h, e, s, g, w = string.match(word, '^(%x+):(%d+):(%d+):(%d+):(%d+):(%d+)$')
  if not of then
    return redis.error_reply('ERR the counter holds something that is no record of holds')
  end
  h, e, s, g, w = tonumber(h), tonumber(e), tonumber(s), tonumber(g), tonumber(w)
  if g > now then
    if of == host then
      held, ends, mine, gone = h, e, s, g
    else
      if e > now then
        local needs = w > h and e - ttl > now - 1000
        others = others + h
        if needs or h > 0 then
          sharing = sharing + 1
        end
        if needs and (least < 0 or h < least) then
          least = h
        end
      end
      latest = math.max(latest, g)
      hosts[#hosts + 1] = word
    end
  end
end
if gone > now and sequence <= mine then
  return {time[1], time[2], 1, held, others, ends, sharing, least}
elseif #hosts >= 1024 then
  return {time[1], time[2], 2, held, others, ends, sharing, least}
end

local good = ends > now
local granted = used
if good or kept == 0 then
  granted = math.max(used, good and math.min(kept, held) or 0, math.min(wanted, limit - others))
end
ends = now + ttl
gone = math.max(gone, ends + ttl)
hosts[#hosts + 1] = string.format('%s:%.0f:%.0f:%.0f:%.0f:%.0f', host, granted, ends, sequence, gone,
                                   wanted)
redis.call('SET', KEYS[1], table.concat(hosts, ' '), 'PX', math.max(latest, gone) - now)
return {time[1], time[2], 0, granted, others, ends, sharing, least}
