-- Reserves permits in each of some counters, of which each is of one window or a token bucket. Each
-- counter is looked at as if it had come alone: an error that a command meets on it is its own
-- answer, and no other's.
--
-- KEYS     the counters, those of one limit and window, or buckets of the same numbers, in a row; then the bases (recount.lua) of
--          those whose windows are counted on after a loss, which nobody looks at: named, so that a
--          Redis Cluster refuses the call while a counter and its base are in different shards;
--          then, where ARGV[1] is not empty, the record of the reign (reign.lua)
-- ARGV     what that record has to hold; then of each row of counters: how many counters, form,
--          in form 'bucket': p, P (p permits flow in each P us, in lowest terms), burst, the slices
--          that leases end with (ms), how long they live at least (ms); in the others: window's start and end (ms), limit, how far ahead a window may start (ms), when the
--          counters may expire (ms); then of each counter,
--          in form 'checks': how many checks of one permit;
--          in form 'costs': permits wanted ahead of the costs, permits the host has in hand (the
--          counter holds them already, and they are put towards the costs), how many runs of equal
--          costs, then of each run: cost, how many;
--          in form 'bucket': the moment (us) before which it is not full as the host was told, the
--          moment (us) at which it is to be taken for empty, as what was taken before may be lost (each 0:
--          none), permits wanted ahead of the costs, how many of those where the bucket is full before
--          they end, permits in hand, the moment (ms) at which those end, how many runs, then of each
--          run: cost, how many
--
-- Answers {TIME's seconds, TIME's microseconds}, and nothing else where the record holds something
-- else than it has to, so that no counter was looked at; then of each counter one of
--   counter                          form 'checks', and all are granted: what the counter holds now
--   {0, counter, ahead, granted...}  what the counter holds now (within 2^53), how many permits are
--                                    granted ahead, and how many costs of each run. The counter
--                                    grew by the permits ahead, and by what the costs granted take
--                                    beyond those in hand
--   {0, F, m, ends, ahead, granted...}  of a bucket: at F (us) it was full, and m permits were taken
--                                    since; the permits ahead are good until they end (ms)
--   {1}                              the window is over
--   {2}                              the window starts too far ahead
--   {3}                              the counter holds something that is no whole number, or no bucket
--   {4, error}                       the store refused a command on this counter, with that error.
--                                    Nothing is granted, and what was added is taken off again,
--                                    unless the error says that this was refused, too
--
-- A permit that is added is never left without an expiry: a new counter is made together with its
-- expiry, or has what was added taken off again where that fails. docs/configuration.md names the
-- commands that a user of the store must be allowed.
local pcall, type, tonumber, KEYS, ARGV = redis.pcall, type, tonumber, KEYS, ARGV
local time = redis.call('TIME')
local answer = {tonumber(time[1]), tonumber(time[2])}
local now = answer[1] * 1000 + math.floor(answer[2] / 1000)

-- The answer of a counter on which a command failed.
local function failed(reply)
  if string.find(reply.err, 'WRONGTYPE') or string.find(reply.err, 'not an integer') then
    return {3}
  end
  return {4, reply.err}
end

-- Grants what fits of the costs, and what may be of the lease. words[at]: the first run's cost.
local function grant(key, limit, expire_at, lease, in_hand, runs, words, at)
  local counter, own = 0, 0
  local found = pcall('GET', key)
  if type(found) == 'table' then
    return failed(found)
  elseif found then
    counter = tonumber(found)
    if not counter or counter ~= counter then
      return {3}
    end
  end
  -- Callers of the recipe, and hosts with a larger limit, push the counter above this limit; one
  -- below zero was tampered with. Neither has permits left.
  if counter >= 0 and counter < limit then
    own = limit - counter
  end

  local mine, sum, refused = {0, 0, 0}, 0, false
  for i = 1, runs do
    local cost, count = tonumber(words[at]), tonumber(words[at + 1])
    local granted = math.min(count, math.floor((own + in_hand - sum) / cost))
    sum = sum + granted * cost
    refused = refused or granted < count
    mine[3 + i] = granted
    at = at + 2
  end
  local total, leased = math.max(0, sum - in_hand), 0
  -- Never all that is left: there are other hosts. So it tapers to exactly what is queued. Nothing
  -- beside a refusal, which is to change no counter.
  if not refused then
    leased = math.min(lease, math.floor((own - total) / 4))
  end
  total = total + leased

  local lives = expire_at - now
  if found then
    -- Granting or not: the recipe's own EXPIRE may end inside the window. Never lowered: another
    -- host may know better. Before the increment: where this fails, nothing has been added.
    local ttl = pcall('PTTL', key)
    local raised = 1
    if type(ttl) == 'table' then
      return failed(ttl)
    elseif ttl < lives then
      raised = pcall('PEXPIREAT', key, expire_at)
    end
    if type(raised) == 'table' then
      return failed(raised)
    end
    if total > 0 then
      local sum = pcall('INCRBY', key, total)
      if type(sum) == 'table' then
        return failed(sum)
      end
      counter = sum
    end
  elseif total > 0 then
    local made = pcall('SET', key, total, 'PX', lives)
    if made.err then
      return failed(made)
    end
    counter = total
  end
  -- Lua's numbers are doubles, which skip whole numbers beyond.
  if counter > 2 ^ 53 then
    counter = 2 ^ 53
  elseif counter < -2 ^ 53 then
    counter = -2 ^ 53
  end
  mine[2], mine[3] = counter, leased
  return mine
end

-- Takes permits out of the buckets KEYS[k] to KEYS[last], whose row's numbers begin at ARGV[at].
-- Returns where the next row begins. docs/algorithms.md has the formulas. All numbers are whole; what
-- is kept or granted is below 2^53, where a double holds it exactly.
local function take_from_buckets(k, last, at)
  local floor, us = math.floor, answer[1] * 1000000 + answer[2]
  local p, P, burst = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local slice, least = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  at = at + 5

  -- floor(a * b / q), and whether there is a rest, for 0 <= a < 2^53 and 0 <= b, q < 2^42. The
  -- quotient of a double by another one, rounded down, is exact below 2^53. Where the product is too
  -- large for a double: long division, with b in digits of 10 bits. A result from 2^53 on is about
  -- right, and far beyond what it is compared with: no bucket has as many permits.
  local function mul_div(a, b, q)
    local whole = floor(a / q)
    a, whole = a - whole * q, whole * b
    local product = a * b
    if product < 2 ^ 53 then
      local quotient = floor(product / q)
      return whole + quotient, product > quotient * q
    end
    local result, rest = 0, 0
    for digit = 4, 0, -1 do
      local sum = rest * 1024 + a * (floor(b / 1024 ^ digit) % 1024)
      local quotient = floor(sum / q)
      rest = sum - quotient * q
      result = result * 1024 + quotient
    end
    return whole + result, rest > 0
  end

  -- What flows in between two moments, rounded down, and whether there is a rest; less than nothing
  -- where `to` is before `from`.
  local function flow(from, to)
    if to >= from then
      return mul_div(to - from, p, P)
    end
    local quotient, rest = mul_div(from - to, p, P)
    return -quotient - (rest and 1 or 0), rest
  end

  -- How long m permits take to flow in, `of` in each `per` us, rounded up.
  local function span(m, per, of)
    local quotient, rest = mul_div(m, per, of)
    return quotient + (rest and 1 or 0)
  end

  -- What is in the key as {F, m, whether it is to be kept}, or the answer in its place.
  local function found(key, known, emptied)
    local F, m, changed = us, 0, false
    local value = pcall('GET', key)
    if type(value) == 'table' then
      return nil, failed(value)
    elseif value then
      local full, taken, of, per = string.match(value, '^(%d+) (%d+) (%d+) (%d+)$')
      if not full then
        return nil, {3}
      end
      F, m, of, per = tonumber(full), tonumber(taken), tonumber(of), tonumber(per)
      -- 31 days, and twice the longest that a bucket may take to fill: nobody has made any beyond.
      if F >= 2 ^ 52 or m >= 2 ^ 42 or of < 1 or of > 1000000000 or per < 1 or per > 2678400000000 or
          F + m * per / of > us + 2 ^ 49 then
        return nil, {3}
      end
      if of ~= p or per ~= P then
        F, m = F + span(m, per, of), 0  -- it is full again when it was to be
      end
    elseif known > us then
      emptied = math.max(emptied, us)  -- somebody knew that it is not full: it was lost
    end
    if emptied > 0 then
      local flown, rest = flow(F, emptied)
      local left = burst + flown - m
      if left > 0 or left == 0 and rest then
        F, m, changed = emptied, burst, true
      end
    end
    if known > us then
      local flown, rest = flow(F, known)
      if m < flown or m == flown and rest then
        F, m, changed = known, 0, true  -- what somebody knows of was lost, or taken back by hand
      end
    end
    local periods = floor((us - F) / P)
    if periods > 0 then  -- the same bucket, told from a later moment: the numbers stay small
      F, m = F + periods * P, m - periods * p
    end
    if m <= flow(F, us) then
      F, m = us, 0
    end
    return F, m, changed
  end

  -- Permits that are spent until a slice ends, as F, m, the end and how many. What is spent then must
  -- not find the bucket fuller than it then is: one that is full by then is taken to be so at the end.
  local function lease(F, m, wanted, raisable)
    local ends = (floor((now + least) / slice) + 1) * slice
    local raised, taken = F, m
    if m <= flow(F, ends * 1000) then
      raised, taken, wanted = ends * 1000, 0, math.min(wanted, raisable)
    end
    local leased = math.min(wanted, floor((burst + flow(raised, us) - taken) / 2))
    if leased <= 0 then
      return F, m, 0, 0
    end
    return raised, taken + leased, ends, leased
  end

  -- The bucket's words begin at ARGV[at], its runs at ARGV[runs_at].
  local function take(key, at, runs_at, runs)
    local F, m, changed = found(key, tonumber(ARGV[at]), tonumber(ARGV[at + 1]))
    if not F then
      return m
    end
    local own = burst + flow(F, us) - m
    local in_hand = now < tonumber(ARGV[at + 5]) and tonumber(ARGV[at + 4]) or 0
    local mine, sum, refused = {0, 0, 0, 0, 0}, 0, false
    local left = math.max(0, own) + in_hand
    for i = 1, runs do
      local cost, count = tonumber(ARGV[runs_at]), tonumber(ARGV[runs_at + 1])
      local granted = own >= 0 and count or 0
      if cost > 0 then
        granted = math.min(count, floor((left - sum) / cost))
      end
      sum = sum + granted * cost
      refused = refused or granted < count
      mine[5 + i] = granted
      runs_at = runs_at + 2
    end
    local charged = math.max(0, sum - in_hand)
    m, changed = m + charged, changed or charged > 0
    local wanted = tonumber(ARGV[at + 2])
    if wanted > 0 and not refused then
      F, m, mine[4], mine[5] = lease(F, m, wanted, tonumber(ARGV[at + 3]))
      changed = changed or mine[5] > 0
    end
    if changed then
      -- It must not expire before it is full: a key that is missing is a full bucket.
      local lives = math.ceil((F - us + span(m, P, p)) / 1000) + 1000
      local made = pcall('SET', key, string.format('%.0f %.0f %.0f %.0f', F, m, p, P), 'PX',
        string.format('%.0f', lives))
      if made.err then
        return failed(made)
      end
    end
    mine[2], mine[3] = F, m
    return mine
  end

  for each = k, last do
    local runs = tonumber(ARGV[at + 6])
    answer[2 + each] = take(KEYS[each], at, at + 7, runs)
    at = at + 7 + 2 * runs
  end
  return at
end

-- The same of the counters of one limit and window.
local function count_in_windows(k, last, at)
  local checks_alone = ARGV[at - 1] == 'checks'
  local limit = tonumber(ARGV[at + 2])
  local expire_at = ARGV[at + 4]
  local lives = expire_at - now
  -- A host whose clock is off must not open an old window again, whose counter may have expired,
  -- nor use one up that is still to come.
  local refused
  if now >= tonumber(ARGV[at + 1]) then
    refused = {1}
  elseif tonumber(ARGV[at]) > now + tonumber(ARGV[at + 3]) then
    refused = {2}
  end
  at = at + 5

  for each = k, last do
    local key, mine = KEYS[each], refused
    if not checks_alone then
      local runs = tonumber(ARGV[at + 2])
      mine = mine or grant(key, limit, expire_at, tonumber(ARGV[at]), tonumber(ARGV[at + 1]), runs,
        ARGV, at + 3)
      at = at + 3 + 2 * runs
    else
      local word = ARGV[at]
      local count = word == '1' and 1 or tonumber(word)
      local sum = not mine and pcall('INCRBY', key, word)
      if type(sum) == 'number' then
        -- Nearly always all of it fits, and one look is enough: here, without a call of a function.
        if sum > count and sum <= limit then
          local ttl = pcall('PTTL', key)
          if type(ttl) == 'number' and
              (ttl >= lives or pcall('PEXPIREAT', key, expire_at) == 1) then
            mine = sum
          end
        elseif sum == count then  -- the counter is new, or as good as new
          if count <= limit and pcall('PEXPIREAT', key, expire_at) == 1 then
            mine = sum
          else
            local fits = math.min(count, limit)
            if not pcall('SET', key, fits, 'PX', lives).err then
              mine = {0, fits, 0, fits}
            end
          end
        end
        if not mine then
          local rest = pcall('DECRBY', key, word)
          if type(rest) == 'table' then
            mine = {4, rest.err .. ' (' .. word .. ' permits stay charged, and nobody has them)'}
          end
        end
      end
      mine = mine or grant(key, limit, expire_at, 0, 0, 1, {1, word}, 1)
      at = at + 1
    end
    answer[2 + each] = mine
  end
  return at
end

if ARGV[1] ~= '' and pcall('GET', KEYS[#KEYS]) ~= ARGV[1] then
  return answer
end
local words, at, k = #ARGV, 2, 1
while at <= words do
  local last = k + tonumber(ARGV[at]) - 1
  local take = ARGV[at + 1] == 'bucket' and take_from_buckets or count_in_windows
  at = take(k, last, at + 2)
  k = last + 1
end
return answer
