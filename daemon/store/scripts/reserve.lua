-- Reserves permits in each of some counters, of which each is of one window, a token bucket or the log
-- of a sliding window. Each counter is looked at as if it had come alone: an error that a command meets on it is its own
-- answer, and no other's.
--
-- KEYS     the counters, those of one limit and window, or buckets of the same numbers, or those that
--          are decided together, in a row;
--          then the bases (recount.lua) of those whose windows are counted on after a loss, which
--          nobody looks at: named, so that a Redis Cluster refuses the call while a counter and its
--          base are in different shards; then, where ARGV[1] is not empty, the record of the reign
--          (reign.lua). Before the record the blocks of those that have one
-- ARGV     what that record has to hold; then of each row of counters: how many counters, form,
--          in form 'block', of a row of one counter: which of KEYS is its block, for how long one is
--          set where a cost is refused (ms; 0: it is lifted), how many words there are of the form
--          that follows and of the counter; then these;
--          in form 'bucket': p, P (p permits flow in each P us, in lowest terms), burst, the slices
--          that leases end with (ms), how long they live at least (ms);
--          in form 'log': period (ms), the multiples (ms) at which what is spent at once ends, limit,
--          then as of a bucket;
--          in the others: window's start and end (ms), limit, how far ahead a window may start (ms),
--          when the counters may expire (ms); then of each counter,
--          in form 'checks': how many checks of one permit;
--          in form 'costs': permits wanted ahead of the costs, permits the host has in hand (the
--          counter holds them already, and they are put towards the costs), how many runs of equal
--          costs, then of each run: cost, how many;
--          in form 'bucket': the moment (us) before which it is not full as the host was told, how
--          many permits had been given back then, the moment (us) at which it is to be taken for
--          empty, as what was taken before may be lost (each moment 0: none), permits that are given
--          back first where the bucket is there (negative: taken without a test; 2^42: it is
--          cleared, and full), permits wanted ahead of the costs, how many of those where the
--          bucket is full before they end, permits in hand, the moment (ms) at which those end (where
--          some are given back: after which all of them were taken; where it is cleared: until which
--          that is remembered), how many runs, how many bookings, then of each run: cost, how many;
--          then of each booking: cost, the moment (us) after which it is of no use;
--          in form 'log': the same, but in place of how many had been given back, how many had ever
--          been added; and of permits that are given back, their end;
--          in form 'group', whose counters are decided together: of each of them how much it holds
--          at least as the host knows, of a bucket or log 0; its form, 'costs', 'bucket' or 'log';
--          and what stands in a row of that form, for this counter alone: one run of a cost that is
--          not 0, of as many checks as all others of the group have, and nothing else
--
-- Answers {TIME's seconds, TIME's microseconds}, and nothing else where the record holds something
-- else than it has to, so that no counter was looked at; then of each counter one of
--   counter                          form 'checks', and all are granted: what the counter holds now
--   {0, counter, ahead, granted...}  what the counter holds now (within 2^53), how many permits are
--                                    granted ahead, and how many costs of each run. The counter
--                                    grew by the permits ahead, and by what the costs granted take
--                                    beyond those in hand
--   {0, F, m, g, ends, ahead, granted..., booked...}  of a bucket: at F (us) it was full, and m
--                                    permits were taken since; g were given back as long as its key
--                                    has lived; the permits ahead are good until they end (ms); and
--                                    of each booking the moment (us) at which its permits, which
--                                    are taken now, are good: 0 where that would be too late. Of one
--                                    that was cleared: ahead is how many came back, as far as 10^9
--   {0, entries, added, used, ends, ahead, granted..., booked...}  of a log: ' end:permits' of each
--                                    entry that still counts, by their ends (ms), how many permits were
--                                    added as long as its key has lived, and how many count
--                                    Of each of these three, in form 'block', behind all others the
--                                    moment (ms) at which the block ends that was set; 0: none was
--                                    Of a group as many checks are granted as fit into each of its
--                                    counters, and the same number in all; none where one of them
--                                    was not looked at, or holds less than it has to. Of a check
--                                    that is not granted nothing was taken of any
--   {1}                              the window is over
--   {2}                              the window starts too far ahead
--   {3}                              the counter holds something that is no whole number, or no bucket or log
--   {4, error}                       the store refused a command on this counter, with that error.
--                                    Nothing is granted, and what was added is taken off again,
--                                    unless the error says that this was refused, too
--   {5, ends}                        its block stands until then (ms), and nothing else was looked at
--
-- A permit that is added is never left without an expiry: a new counter is made together with its
-- expiry, or has what was added taken off again where that fails. docs/configuration.md names the
-- commands that a user of the store must be allowed.
local pcall, type, tonumber, KEYS, ARGV = redis.pcall, type, tonumber, KEYS, ARGV
local time = redis.call('TIME')
local answer = {tonumber(time[1]), tonumber(time[2])}
local now = answer[1] * 1000 + math.floor(answer[2] / 1000)

-- What the counter that was looked at last had left of its own, before it granted anything.
local own_left = 0

-- The answer of a counter on which a command failed.
local function failed(reply)
  if string.find(reply.err, 'WRONGTYPE') or string.find(reply.err, 'not an integer') then
    return {3}
  end
  return {4, reply.err}
end

-- Whether a cost that takes something was refused, of the counter that was looked at last.
local lacks = false

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
  own_left = own

  local mine, sum, refused = {0, 0, 0}, 0, false
  for i = 1, runs do
    local cost, count = tonumber(words[at]), tonumber(words[at + 1])
    local granted = count  -- a cost of 0 takes nothing: who asks only looks
    if cost > 0 then
      granted = math.min(count, math.floor((own + in_hand - sum) / cost))
    end
    sum = sum + granted * cost
    refused, lacks = refused or granted < count, lacks or granted < count and cost > 0
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

-- Takes permits of the counters of one limit and window, KEYS[k] to KEYS[last], whose row's numbers
-- begin at ARGV[at]. Returns where the next row begins.
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
-- Nearly always all rows are of such counters. The functions that follow are made anew in each call,
-- which is a fifth of the time of a short one: so only where a row needs them.
local words, at, k = #ARGV, 2, 1
while at <= words and (ARGV[at + 1] == 'checks' or ARGV[at + 1] == 'costs') do
  local last = k + tonumber(ARGV[at]) - 1
  at = count_in_windows(k, last, at + 2)
  k = last + 1
end
if at > words then
  return answer
end

-- Of the costs from ARGV[at] on, where a bucket has so many of its own: grants those that fit, and says
-- how many the bucket pays, and whether some do not fit.
local function grant_costs(mine, own, in_hand, runs, at)
  own_left = own
  local left, sum, refused = math.max(0, own) + in_hand, 0, false
  for i = 1, runs do
    local cost, count = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    local granted = own >= 0 and count or 0
    if cost > 0 then
      granted = math.min(count, math.floor((left - sum) / cost))
    end
    sum = sum + granted * cost
    refused, lacks = refused or granted < count, lacks or granted < count and cost > 0
    mine[6 + i] = granted
    at = at + 2
  end
  return math.max(0, sum - in_hand), refused
end

-- Takes permits of the buckets or logs KEYS[k] to KEYS[last], whose own words begin at ARGV[at]. Returns
-- where the next row begins.
local function take_each(take, k, last, at)
  for each = k, last do
    local runs, bookings = tonumber(ARGV[at + 8]), tonumber(ARGV[at + 9])
    answer[2 + each] = take(KEYS[each], at, at + 10, runs, bookings)
    at = at + 10 + 2 * (runs + bookings)
  end
  return at
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

  -- How many permits flow in within the time that so many of other numbers take, rounded down and
  -- rounded up.
  local function at_these_numbers(permits, per, of)
    local taken, rest = mul_div(permits, per, of)
    local low = mul_div(math.min(taken, 2 ^ 52), p, P)
    local high = span(math.min(taken + (rest and 1 or 0), 2 ^ 52), p, P)
    return math.min(low, 2 ^ 42), math.min(high, 2 ^ 42)
  end

  -- What is in the key: F, m, how many were given back, whether it is to be kept, whether it was
  -- there, when it was cleared, and how many were given back as is told where it is not kept; or
  -- nothing and the answer in its place.
  local function found(key, known, known_settled, emptied)
    local F, m, settled, changed, cleared, told = us, 0, 0, false, 0, 0
    local value = pcall('GET', key)
    if type(value) == 'table' then
      return nil, failed(value)
    elseif value then
      -- Not of a longer one, which somebody else wrote: the pattern can match in many ways.
      local full, taken, of, per, back, at =
        string.match(string.sub(value, 1, 120), '^(%d+) (%d+) (%d+) (%d+)( ?%d*)( ?%d*)$')
      if not full or back == ' ' or at == ' ' or #value > 120 then
        return nil, {3}
      end
      F, m, of, per = tonumber(full), tonumber(taken), tonumber(of), tonumber(per)
      settled, cleared = tonumber(back) or 0, tonumber(at) or 0
      told = settled
      -- 31 days, and twice the longest that a bucket may take to fill: nobody has made any beyond.
      if F >= 2 ^ 52 or m >= 2 ^ 42 or settled > 2 ^ 42 or cleared >= 2 ^ 52 or of < 1 or of > 1000000000 or per < 1 or per > 2678400000000 or
          F + m * per / of > us + 2 ^ 49 then
        return nil, {3}
      end
      if of ~= p or per ~= P then
        -- It is full again when it was to be. What was given back takes as long, or longer, so that
        -- nobody who was told before takes that for lost; and is told as as long, or shorter.
        F, m = F + span(m, per, of), 0
        told, settled = at_these_numbers(settled, per, of)
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
    if known > us and settled > known_settled then
      known = known - span(settled - known_settled, P, p)  -- what was given back is no loss
    end
    if known > us then
      local flown, rest = flow(F, known)
      if m < flown or m == flown and rest then
        -- What somebody knows of was lost, or taken back by hand; and it was rounded down.
        F, m, changed = known + 1, 0, true
      end
    end
    local periods = floor((us - F) / P)
    if periods > 0 then  -- the same bucket, told from a later moment: the numbers stay small
      F, m = F + periods * P, m - periods * p
    end
    if m <= flow(F, us) then
      F, m = us, 0
    end
    return F, m, settled, changed, value, cleared, told
  end

  -- Gives permits back, of which as many come back as it lacks whole ones. Answers F, m, and how
  -- many were given back in all, which stay what they are where that could not be told any more.
  local function give_back(back, F, m, settled)
    local flown, rest = flow(F, us)
    back = math.min(back, m - flown - (rest and 1 or 0))
    if back <= 0 or settled + back > 2 ^ 42 then
      return F, m, settled
    end
    m = m - back
    if m < 0 then  -- it is told from a moment to come
      local periods = math.ceil(-m / p)
      F, m = F - periods * P, m + periods * p
    end
    return F, m, settled + back
  end

  -- How many are taken after so many are, without a test, up to what a bucket may be told by.
  local function overdraw(permits, F, m)
    local next = m + permits
    return next <= 2 ^ 41 and F + span(next, P, p) <= us + 2 ^ 48 and next or m
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

  -- Permits that are spent at the first moment at which they fit, now or one to come, as F, m and that
  -- moment; 0 where it is too late. What is spent then must not find the bucket fuller than it then is.
  local function book(F, m, cost, latest)
    local at, lacking = us, m + cost - burst
    if lacking > flow(F, us) then
      at = lacking < 0 and F - (mul_div(-lacking, P, p)) or F + span(lacking, P, p)
    end
    if at > us and at > latest then
      return F, m, 0
    end
    if m <= flow(F, at) then
      F, m = at, 0
    end
    return F, m + cost, at
  end

  -- Writes it; answers what went wrong, if anything did. It must not expire before it is full: a
  -- key that is missing is a full bucket. Where permits were given back it does not expire before
  -- it would have, as who was told of it then would take it for lost.
  local function keep(key, F, m, settled, cleared, least)
    local lives = math.max(math.ceil((F - us + span(m, P, p)) / 1000) + 1000, least)
    local words = string.format('%.0f %.0f %.0f %.0f', F, m, p, P)
    if settled > 0 or cleared > 0 then
      local ttl = pcall('PTTL', key)
      if type(ttl) == 'table' then
        return failed(ttl)
      end
      words, lives = words .. string.format(' %.0f', settled), math.max(lives, ttl)
      words = cleared > 0 and words .. string.format(' %.0f', cleared) or words
    end
    local made = pcall('SET', key, words, 'PX', string.format('%.0f', lives))
    return made.err and failed(made)
  end

  -- The bucket's words begin at ARGV[at], its runs at ARGV[runs_at], and bookings behind these.
  local function take(key, at, runs_at, runs, bookings)
    local F, m, settled, changed, there, cleared, told =
      found(key, tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]))
    if not F then
      return m
    end
    local back, before, settled_before = tonumber(ARGV[at + 3]), m, settled
    local clears, of_back = back == 2 ^ 42 and there, tonumber(ARGV[at + 7])
    if back < 0 then
      m = overdraw(-back, F, m)
    elseif clears then
      settled = math.min(2 ^ 42, settled + m - flow(F, us))
      F, m, cleared, changed = us, 0, us, true
    elseif back > 0 and there and (cleared == 0 or of_back * 1000 > cleared) then
      F, m, settled = give_back(back, F, m, settled)
    end
    changed = changed or m ~= before or settled ~= settled_before
    local own = burst + flow(F, us) - m
    local in_hand = now < of_back and tonumber(ARGV[at + 6]) or 0
    local mine = {0, 0, 0, 0, 0, 0}
    local charged, refused = grant_costs(mine, own, in_hand, runs, runs_at)
    runs_at = runs_at + 2 * runs
    m, changed = m + charged, changed or charged > 0
    local wanted = tonumber(ARGV[at + 4])
    if wanted > 0 and not refused then
      F, m, mine[5], mine[6] = lease(F, m, wanted, tonumber(ARGV[at + 5]))
      changed = changed or mine[6] > 0
    end
    for i = 7 + runs, 6 + runs + bookings do
      F, m, mine[i] = book(F, m, tonumber(ARGV[runs_at]), tonumber(ARGV[runs_at + 1]))
      changed = changed or mine[i] > 0
      runs_at = runs_at + 2
    end
    mine[2], mine[3], mine[4] = F, m, changed and settled or told
    mine[6] = clears and math.min(settled - settled_before, 1000000000) or mine[6]
    return changed and keep(key, F, m, settled, cleared, clears and of_back - now or 0) or mine
  end

  return take_each(take, k, last, at)
end

-- The same of the logs of sliding windows. A log is 'used added cleared end:permits end:permits...': what
-- its entries hold together, how many permits were added as long as its key has lived, and when it was
-- cleared (us). A permit counts from when it is added until a period after the end of its entry, by
-- which it is spent. Only the head and the tail of the text are looked at, where nothing else is asked.
local function take_from_logs(k, last, at)
  local floor, find, sub, format, max, min =
    math.floor, string.find, string.sub, string.format, math.max, math.min
  local us = answer[1] * 1000000 + answer[2]
  local period, stamp, limit = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local slice, least = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  at = at + 5

  -- The end of what is spent at that moment (ms).
  local function stamp_of(ms)
    return (floor(ms / stamp) + 1) * stamp
  end

  -- Adds to the entry of that end, or makes it; of a text that is too long to the next one.
  local function put(text, ends, permits)
    local size, behind, start, y, n = #text, ''
    while true do
      local _
      start, _, y, n = find(text, ' (%d+):(%d+)$', max(1, #text - 40))
      y, n = tonumber(y), tonumber(n)
      if not y or y < ends then
        break
      elseif y == ends then
        return sub(text, 1, start - 1) .. format(' %.0f:%.0f', y, n + permits) .. behind
      end
      behind, text = sub(text, start) .. behind, sub(text, 1, start - 1)
    end
    if size > 4000 and behind ~= '' then
      local _, to, y, n = find(behind, '^ (%d+):(%d+)')
      return text .. format(' %s:%.0f', y, tonumber(n) + permits) .. sub(behind, to + 1)
    elseif size > 4000 then
      return sub(text, 1, start - 1) .. format(' %.0f:%.0f', ends, n + permits)
    elseif behind == '' and n == 0 then  -- nobody needs to know of that any more
      text = sub(text, 1, start - 1)
    end
    return text .. format(' %.0f:%.0f', ends, permits) .. behind
  end

  -- What of the text is behind those entries that end by then, and how many permits these have.
  local function behind(text, ends)
    local from, sum = 1, 0
    while true do
      local _, to, y, n = find(text, '^ (%d+):(%d+)', from)
      if not to or tonumber(y) > ends then
        return sub(text, from), sum
      end
      from, sum = to + 1, sum + n
    end
  end

  -- The entries that still count, how many permits they have, how many were ever added, when it was
  -- cleared, and whether it was there; or nothing and the answer in its place.
  local function found(key)
    local value = pcall('GET', key)
    if type(value) == 'table' then
      return nil, failed(value)
    elseif not value then
      return '', 0, 2 ^ 52 - us, 0, false  -- fewer than any that was there before
    end
    -- Each pattern has one way to match: a text that somebody else wrote must not take it long.
    local used, added, cleared, from = string.match(value, '^(%d+) (%d+) (%d+)()')
    used, added, cleared = tonumber(used), tonumber(added), tonumber(cleared)
    local text = used and sub(value, from)
    if not used or used > 2 ^ 42 or added > 2 ^ 53 or cleared >= 2 ^ 52 or #text > 8000 or
        find(text, '[^ %d:]') or (text ~= '' and not find(text, '^ %d+:%d')) then
      return nil, {3}
    end
    local last = tonumber((string.match(text, ' (%d+):%d+$', max(1, #text - 40))))
    if text ~= '' and (not last or last >= 2 ^ 42) then
      return nil, {3}
    end
    local over
    text, over = behind(text, now - period)
    if over > used or (text == '' and over < used) then
      return nil, {3}
    end
    return text, used - over, added, cleared, true
  end

  local function keep(key, text, used, added, cleared, least)
    local ends = string.match(text, ' (%d+):%d+$', max(1, #text - 40))
    local lives = max((ends and tonumber(ends) + period - now or 0), 0) + 1000
    if cleared > 0 then
      local ttl = pcall('PTTL', key)
      if type(ttl) == 'table' then
        return failed(ttl)
      end
      lives = max(lives, least, ttl)
    end
    local words = format('%.0f %.0f %.0f', used, added, cleared) .. text
    local made = pcall('SET', key, words, 'PX', format('%.0f', lives))
    return made.err and failed(made)
  end

  -- The log's words begin at ARGV[at], its runs at ARGV[runs_at], and bookings behind these.
  local function take(key, at, runs_at, runs, bookings)
    local text, used, added, cleared, there = found(key)
    if not text then
      return used
    end
    local changed, came_back = false, 0
    local function add(ends, permits)
      text, used, added = put(text, ends, permits), used + permits, min(added + permits, 2 ^ 52)
      changed = true
    end

    local known, known_added = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    local emptied, back = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local of_back, clears = tonumber(ARGV[at + 7]), back == 2 ^ 42 and there
    local lost = floor(emptied / 1000) + 1 + slice + least
    if emptied > 0 and lost + period > now then
      local _, before = behind(text, lost - 1)
      if used - before < limit then
        add(lost, limit)
      end
    end
    if known > us and added < known_added then  -- part of what somebody was told of is gone
      add(floor(known / 1000) - period, limit)
      added = known_added  -- others were told of more, which is gone as well
    end
    if back < 0 then
      if used - back <= 2 ^ 41 then
        add(stamp_of(now), -back)
      end
    elseif clears then
      local last = string.match(text, ' (%d+):%d+$', max(1, #text - 40))
      text = last and ' ' .. last .. ':0' or ''
      -- Nothing comes back to ends of before, whoever takes permits with them from now on.
      cleared = max(us, last and tonumber(last) * 1000 or 0)
      came_back, used, changed = used, 0, true
    elseif back > 0 and there and of_back * 1000 > cleared then
      local from, to, n = find(text, format(' %.0f:(%%d+)', of_back))
      local some = n and min(back, tonumber(n)) or 0
      if some > 0 then
        local rest = format(' %.0f:%.0f', of_back, n - some)
        if n - some == 0 and to < #text then  -- of the last one its end is what others know of
          rest = ''
        end
        text = sub(text, 1, from - 1) .. rest .. sub(text, to + 1)
        used, changed = used - some, true
      end
    end

    local in_hand = now < of_back and tonumber(ARGV[at + 6]) or 0
    local mine = {0, 0, 0, 0, 0, 0}
    local charged, refused = grant_costs(mine, limit - used, in_hand, runs, runs_at)
    runs_at = runs_at + 2 * runs
    if charged > 0 then
      add(stamp_of(now), charged)
    end
    local leased = 0
    if slice > 0 and not refused then
      leased = min(tonumber(ARGV[at + 4]), floor(max(0, limit - used) / 4))
    end
    if leased > 0 then
      mine[5], mine[6] = (floor((now + least) / slice) + 1) * slice, leased
      add(mine[5], leased)
    end
    for i = 7 + runs, 6 + runs + bookings do
      local cost, until_us, good = tonumber(ARGV[runs_at]), tonumber(ARGV[runs_at + 1]), us
      local lacking, from = used + cost - limit, 1
      while lacking > 0 do
        local _, to, y, n = find(text, '^ (%d+):(%d+)', from)
        if not to then
          break
        end
        lacking, from, good = lacking - n, to + 1, (y + period) * 1000
      end
      mine[i] = 0
      if lacking <= 0 and (good <= us or good <= until_us) then
        mine[i] = good
        add(stamp_of(floor(good / 1000)), cost)
      end
      runs_at = runs_at + 2
    end
    mine[2], mine[3], mine[4] = text, added, used
    if clears then
      mine[6] = min(came_back, 1000000000)
    end
    return changed and keep(key, text, used, added, cleared, clears and of_back - now or 0) or mine
  end

  return take_each(take, k, last, at)
end

local forms = {bucket = take_from_buckets, log = take_from_logs}

-- What the block says: the answer in place of that of its counter, where it stands.
local function blocked(block, lifts)
  local value = pcall('GET', block)
  if type(value) == 'table' then
    return failed(value)
  elseif not value then
    return nil
  elseif lifts then
    local gone = pcall('PEXPIREAT', block, 1)
    return type(gone) == 'table' and failed(gone) or nil
  end
  local ends = string.match(value, '^%d+$') and tonumber(value)
  if not ends or ends > 2 ^ 42 - 2000 then
    return {3}
  end
  return ends > now and {5, ends} or nil
end

-- A row of one counter that may be blocked: docs/blocking.md. ARGV[at]: which of KEYS is its block.
function forms.block(k, last, at)
  local block, lasts = KEYS[tonumber(ARGV[at])], tonumber(ARGV[at + 1])
  local behind = at + 3 + tonumber(ARGV[at + 2])
  local mine = blocked(block, lasts == 0)
  if mine then
    answer[2 + k] = mine
    return behind
  end
  lacks = false
  local take = forms[ARGV[at + 3]] or count_in_windows
  take(k, last, at + 4)
  mine = answer[2 + k]
  if mine[1] ~= 0 then
    return behind
  end
  local ends = 0
  if lacks and lasts > 0 then
    ends = now + lasts
    local made = pcall('SET', block, string.format('%.0f', ends), 'PX', lasts)
    if made.err then
      answer[2 + k] = {4, made.err .. ' (it is not blocked, and nobody has what it was charged)'}
      return behind
    end
  end
  mine[#mine + 1] = ends
  return behind
end

-- What was granted of the counters of a group before one was refused that had room for it. A bucket or
-- log keeps what was taken of it.
local function take_off(members)
  for each, member in pairs(members) do
    local mine = answer[2 + each]
    local rest = member.is_window and pcall('DECRBY', KEYS[each], member.taken)
    mine[#mine] = 0
    if type(rest) == 'table' then
      answer[2 + each] = {4, rest.err .. ' (' .. member.taken .. ' permits stay charged, and nobody has them)'}
    elseif rest then
      mine[2] = rest
    end
  end
end

-- Decides of the counters KEYS[k] to KEYS[last] together. Each is first looked at, by a cost of nothing,
-- so that where one of them has no room nothing is written.
local function take_together(k, last, at)
  local members, fits = {}, math.huge
  for each = k, last do
    local take = forms[ARGV[at + 1]]
    local cost_at = at + (take and 17 or 10)
    local cost, count = tonumber(ARGV[cost_at]), tonumber(ARGV[cost_at + 1])
    local member = {take = take or count_in_windows, at = at + 2, cost_at = cost_at, cost = cost,
                    is_window = not take}
    local known = tonumber(ARGV[at])
    ARGV[cost_at], own_left = '0', 0
    at = member.take(each, each, member.at)
    local mine = answer[2 + each]
    if mine[1] ~= 0 or (not take and mine[2] < known) then
      own_left = 0
    end
    fits = math.min(fits, count, math.floor(math.max(0, own_left) / cost))
    members[each] = member
  end
  local paid = {}
  for each = k, last do
    local member, mine = members[each], answer[2 + each]
    if fits > 0 then
      member.taken = string.format('%.0f', fits * member.cost)
      ARGV[member.cost_at], ARGV[member.cost_at + 1] = member.cost, fits
      member.take(each, each, member.at)
      if answer[2 + each][1] == 0 then
        paid[each] = member
      else
        take_off(paid)
        fits = 0
      end
    elseif mine[1] == 0 then
      mine[#mine] = 0
    end
  end
  return at
end
forms.group = take_together

while at <= words do
  local last = k + tonumber(ARGV[at]) - 1
  local take = forms[ARGV[at + 1]] or count_in_windows
  at = take(k, last, at + 2)
  k = last + 1
end
return answer
