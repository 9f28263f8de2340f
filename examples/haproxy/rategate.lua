-- Asks rategate whether a request may go on.
--
--   global
--     lua-prepend-path /etc/haproxy/?.lua
--     lua-load /etc/haproxy/rategate.lua
--   frontend web
--     http-request lua.rategate web 60000 0
--     http-request return status 429 if { var(txn.rategate) -m str denied }
--     http-request return status 503 unless { var(txn.rategate) -m str allowed }
--     http-after-response set-header RateLimit %[var(txn.rategate_ratelimit)] if { var(txn.rategate_ratelimit) -m found }
--
-- The arguments are a limit that the daemon is configured with, its period in ms (0: the fields do not
-- tell it), and the burst of a token bucket (0: it counts by windows). Counted for the client's address, or
-- for its network where the limit has key = "ip".
-- Sets txn.rategate to allowed; denied; away, while the daemon or its store is; or refused, where the
-- question is wrong (no such limit), which is no outage. The line of 503 lets nothing else pass; with
-- "allowed away" requests pass during an outage. Each field of rategate_fields.lua that there is to tell is in
-- txn.rategate_ratelimit_policy, _ratelimit, _x_ratelimit_limit, _x_ratelimit_remaining,
-- _x_ratelimit_reset and _retry_after. $RATEGATE_SOCKET, or /run/rategate/rategate.sock.
local fields = require("rategate_fields")

local path = os.getenv("RATEGATE_SOCKET") or "/run/rategate/rategate.sock"

local function request(words)
  local parts = { "*" .. #words .. "\r\n" }
  for _, word in ipairs(words) do
    parts[#parts + 1] = "$" .. #word .. "\r\n" .. word .. "\r\n"
  end
  return table.concat(parts)
end

-- Whether an error says that there is no decision for now. All others are about the question.
local function is_outage(line)
  return line:find("^%-STOREDOWN ") or line:find("^%-SHUTDOWN ")
    or line:find("^%-ERR max number of clients ")
end

-- The six numbers; or nil, why, and "away" or "refused". HAProxy ends a socket with the request that
-- opened it.
local function ask(words)
  local socket = core.tcp()
  socket:settimeout(1)
  if not socket:connect(path) then return nil, "nobody listens at " .. path, "away" end
  if not socket:send(request(words)) then return nil, "it cannot be written to", "away" end
  local line = socket:receive("*l")
  if line == nil then return nil, "no answer", "away" end
  if line:sub(1, 2) ~= "*6" then
    socket:close()
    return nil, line, is_outage(line) and "away" or "refused"
  end
  local numbers = {}
  for i = 1, 6 do
    line = socket:receive("*l")
    if line == nil then return nil, "half an answer", "away" end
    numbers[i] = tonumber(line:sub(2))
  end
  socket:close()
  return numbers
end

core.register_action("rategate", { "http-req" }, function(txn, name, period_ms, burst)
  local numbers, why, outcome = ask({ "CHECK", name, txn.f:src() })
  if not numbers then
    core.Alert("rategate: " .. tostring(why))
    txn:set_var("txn.rategate", outcome)
    return
  end
  for field, value in pairs(fields.of(numbers, name, tonumber(period_ms), tonumber(burst))) do
    txn:set_var("txn.rategate_" .. field:lower():gsub("-", "_"), value)
  end
  txn:set_var("txn.rategate", numbers[1] == 1 and "allowed" or "denied")
end, 3)
