-- Reserves permits of one window in each of some counters. Each is looked at as if it had come alone.
--
-- KEYS     the counters
-- ARGV     of each: window's start and end (ms), limit, how far ahead a window may start (ms), when
--          the counter may expire (ms), permits wanted ahead of the costs, how many runs of equal
--          costs; then of each run: cost, how many
--
-- Answers {TIME's seconds, TIME's microseconds}, then of each counter: status, counter, permits granted
-- ahead, and of each run how many were granted. Status 0: looked at; 1: the window is over; 2: it
-- starts too far ahead; 3: the counter holds something that is no number.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local answer = {tonumber(time[1]), tonumber(time[2])}
local at = 1

for k = 1, #KEYS do
  local key = KEYS[k]
  local expire_at = tonumber(ARGV[at + 4])
  local runs = tonumber(ARGV[at + 6])
  local costs = at + 7
  local mine = #answer + 1
  local status, counter, left, found = 0, 0, 0, false

  -- A host whose clock is off must not open an old window again, whose counter may have expired,
  -- nor use one up that is still to come.
  if now >= tonumber(ARGV[at + 1]) then
    status = 1
  elseif tonumber(ARGV[at]) > now + tonumber(ARGV[at + 3]) then
    status = 2
  else
    found = redis.pcall('GET', key)
    if type(found) == 'table' then
      status = 3
    elseif found then
      counter = tonumber(found)
      if not counter then
        status, counter = 3, 0
      end
    end
    -- Callers of the recipe, and hosts with a larger limit, push the counter above this limit;
    -- one below zero was tampered with. Neither has permits left.
    if status == 0 and counter >= 0 then
      left = math.max(0, tonumber(ARGV[at + 2]) - counter)
    end
  end

  local total = 0
  for i = 1, runs do
    local cost = tonumber(ARGV[costs + 2 * i - 2])
    local granted = math.min(tonumber(ARGV[costs + 2 * i - 1]), math.floor(left / cost))
    left = left - granted * cost
    total = total + granted * cost
    answer[mine + 2 + i] = granted
  end
  -- Never all that is left: there are other hosts. So it tapers to exactly what is queued.
  local leased = math.min(tonumber(ARGV[at + 5]), math.floor(left / 4))
  total = total + leased

  if status == 0 and not found then
    if total > 0 then
      counter = total
      redis.call('SET', key, string.format('%.0f', total), 'PX', string.format('%.0f', expire_at - now))
    end
  elseif status == 0 then
    if total > 0 then
      local sum = redis.pcall('INCRBY', key, string.format('%.0f', total))
      if type(sum) == 'table' then
        if not string.find(sum.err, 'not an integer') then
          return sum
        end
        status, counter, leased = 3, 0, 0
        for i = 1, runs do
          answer[mine + 2 + i] = 0
        end
      else
        counter = sum
      end
    end
    -- Granted or not: the recipe's own EXPIRE may end inside the window. Never lowered: another host
    -- may know better.
    local ttl = redis.call('PTTL', key)
    if ttl == -1 or (ttl >= 0 and now + ttl < expire_at) then
      redis.call('PEXPIREAT', key, string.format('%.0f', expire_at))
    end
  end

  answer[mine] = status
  answer[mine + 1] = counter
  answer[mine + 2] = leased
  at = costs + 2 * runs
end
return answer
