-- Reserves permits of one window in each of some counters. Each is looked at as if it had come alone.
--
-- KEYS     the counters, those of one limit and window in a row
-- ARGV     of each such row: how many counters, form, window's start and end (ms), limit, how far
--          ahead a window may start (ms), when the counters may expire (ms); then of each counter, in
--          form 'checks': how many checks of one permit;
--          form 'costs': permits wanted ahead of the costs, how many runs of equal costs, then of
--          each run: cost, how many
--
-- Answers {TIME's seconds, TIME's microseconds}, then of each counter the number that it holds, where
-- it came in form 'checks' and all were granted; else {status, counter, permits granted ahead, and of
-- each run how many were granted}. Status 0: looked at; 1: the window is over; 2: it starts too far
-- ahead; 3: the counter holds something that is no number.
local call, pcall = redis.call, redis.pcall
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local answer = {tonumber(time[1]), tonumber(time[2])}

-- What fits of the costs, and what may be of the lease. words[at]: the first run's cost.
local function grant(key, refused, limit, expire_at, lease, runs, words, at)
  local lives = expire_at - now
  local status, counter, left, found = refused, 0, 0, false
  if status == 0 then
    found = pcall('GET', key)
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
      left = math.max(0, limit - counter)
    end
  end

  local total = 0
  local mine = {0, 0, 0}
  for i = 1, runs do
    local cost, count = tonumber(words[at]), tonumber(words[at + 1])
    local granted = math.min(count, math.floor(left / cost))
    left = left - granted * cost
    total = total + granted * cost
    mine[3 + i] = granted
    at = at + 2
  end
  -- Never all that is left: there are other hosts. So it tapers to exactly what is queued.
  local leased = math.min(lease, math.floor(left / 4))
  total = total + leased

  if status == 0 and not found then
    if total > 0 then
      counter = total
      call('SET', key, total, 'PX', lives)
    end
  elseif status == 0 then
    if total > 0 then
      local sum = pcall('INCRBY', key, total)
      if type(sum) == 'table' then
        if not string.find(sum.err, 'not an integer') then
          return nil, sum
        end
        status, counter, leased = 3, 0, 0
        for i = 1, runs do
          mine[3 + i] = 0
        end
      else
        counter = sum
      end
    end
    -- Granted or not: the recipe's own EXPIRE may end inside the window. Never lowered: another host
    -- may know better.
    local ttl = call('PTTL', key)
    if ttl < lives then
      call('PEXPIREAT', key, expire_at)
    end
  end
  mine[1], mine[2], mine[3] = status, counter, leased
  return mine
end

local at, k = 1, 1
while k <= #KEYS do
  local last = k + tonumber(ARGV[at]) - 1
  local checks_alone = ARGV[at + 1] == 'checks'
  local limit = tonumber(ARGV[at + 4])
  local expire_at = ARGV[at + 6]
  local lives = expire_at - now
  -- A host whose clock is off must not open an old window again, whose counter may have expired,
  -- nor use one up that is still to come.
  local refused = 0
  if now >= tonumber(ARGV[at + 3]) then
    refused = 1
  elseif tonumber(ARGV[at + 2]) > now + tonumber(ARGV[at + 5]) then
    refused = 2
  end
  at = at + 7

  for each = k, last do
    local key = KEYS[each]
    local mine, failure
    if checks_alone then
      local word = ARGV[at]
      local count = word == '1' and 1 or tonumber(word)
      local sum = refused == 0 and pcall('INCRBY', key, word)
      if type(sum) == 'number' then
        -- Nearly always all of it fits, and one look is enough. A sum below the count means that
        -- the counter was below zero.
        if sum >= count and sum <= limit then
          local ttl = -1  -- as it is where the sum is all there is: the counter is new
          if sum > count then
            ttl = call('PTTL', key)
          end
          if ttl < lives then
            call('PEXPIREAT', key, expire_at)
          end
          mine = sum
        elseif sum == count then
          call('DEL', key)
        else
          call('DECRBY', key, word)
        end
      end
      if not mine then
        mine, failure = grant(key, refused, limit, expire_at, 0, 1, {1, word}, 1)
      end
      at = at + 1
    else
      local runs = tonumber(ARGV[at + 1])
      mine, failure = grant(key, refused, limit, expire_at, tonumber(ARGV[at]), runs, ARGV, at + 2)
      at = at + 2 + 2 * runs
    end
    if failure then
      return failure
    end
    answer[2 + each] = mine
  end
  k = last + 1
end
return answer
