-- What a decision says as fields of an HTTP response, for nginx and HAProxy: RateLimit-Policy and
-- RateLimit (draft-ietf-httpapi-ratelimit-headers), X-RateLimit-Limit, -Remaining and -Reset (seconds,
-- no Unix time), and Retry-After. The same as rategate_http_fields in rategate.h, where each is explained.
local fields = {}

local function seconds(ms) return math.ceil(ms / 1000) end

-- Nil where it cannot be said in whole seconds.
local function window(limit, period_ms, burst)
  if burst > 0 then
    local fills_after_ms = period_ms * burst / limit
    return fills_after_ms >= 1000 and seconds(fills_after_ms) or nil
  end
  return period_ms >= 1000 and period_ms % 1000 == 0 and seconds(period_ms) or nil
end

-- A permit is there when the time until the bucket is full is a whole number of permits' times.
local function until_next_permit(limit, period_ms, reset_ms)
  if period_ms == 0 or reset_ms == 0 then return nil end
  -- Else the product below could be more than a number can hold exactly.
  if period_ms <= 1000 * limit then return 1 end
  local over = reset_ms % period_ms * limit % period_ms
  return seconds((over > 0 and over or period_ms) / limit)
end

local function parameter(key, value)
  if not value then return "" end
  assert(value < 1e15, "an integer of a structured field has 15 digits")
  return string.format(";%s=%d", key, value)
end

-- A rule blocks the key, or lets it pass uncounted: there is no limit to tell of, but 0 and -1.
local function is_of_no_limit(limit, reason)
  return reason == 5 and limit == 0 or reason == 6 and limit == -1
end

-- Names and values. `decision` are the six numbers of CHECK; `name`, `period_ms` (0: not known) and
-- `burst` (0: no token bucket) are the limit's.
function fields.of(decision, name, period_ms, burst)
  -- Nothing of this needs an escape in a string of a structured field.
  assert(#name <= 64 and name:find("^[A-Za-z0-9_./@%-]+$"), "no name of a limit")
  local allowed, limit, remaining = decision[1] == 1, decision[2], decision[3]
  local retry_ms, reset_ms = decision[4], decision[5]
  if is_of_no_limit(limit, decision[6]) then return {} end
  local quota = burst > 0 and burst or limit
  local found = {
    ["RateLimit-Policy"] = string.format('"%s";q=%d', name, quota)
      .. parameter("w", window(limit, period_ms, burst)),
    ["X-RateLimit-Limit"] = string.format("%d", quota),
  }
  if remaining >= 0 then  -- else it is not known, as while the store is away
    local until_more
    if not allowed then
      until_more = retry_ms >= 0 and seconds(retry_ms) or nil
    elseif burst > 0 then
      until_more = until_next_permit(limit, period_ms, reset_ms)
    else
      until_more = seconds(reset_ms)
    end
    found["RateLimit"] = string.format('"%s";r=%d', name, remaining) .. parameter("t", until_more)
    found["X-RateLimit-Remaining"] = string.format("%d", remaining)
    found["X-RateLimit-Reset"] = string.format("%d", seconds(reset_ms))
  end
  if not allowed and retry_ms > 0 then  -- -1 where it can never fit
    found["Retry-After"] = string.format("%d", seconds(retry_ms))
  end
  return found
end

return fields
