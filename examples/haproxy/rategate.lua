-- Asks rategate whether a request may go on.
--
--   global
--     lua-load /etc/haproxy/rategate.lua
--   frontend web
--     http-request lua.rategate web
--     http-request return status 429 ... if { var(txn.rategate) -m str denied }
--     http-request return status 503 unless { var(txn.rategate) -m str allowed }
--
-- The argument is a limit that the daemon is configured with; it is counted for the client's address.
-- Sets txn.rategate to allowed; denied; away, while the daemon or its store is; or refused, where the
-- question is wrong (no such limit), which is no outage. The last line lets nothing else pass; with
-- "allowed away" requests pass during an outage. Sets txn.rategate_retry, txn.rategate_policy and,
-- where it is known what is left, txn.rategate_state for the header fields. $RATEGATE_SOCKET, or
-- /run/rategate/rategate.sock.
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

core.register_action("rategate", { "http-req" }, function(txn, name)
  local numbers, why, outcome = ask({ "CHECK", name, txn.f:src() })
  if not numbers then
    core.Alert("rategate: " .. tostring(why))
    txn:set_var("txn.rategate", outcome)
    return
  end
  local reset = math.ceil(numbers[5] / 1000)
  txn:set_var("txn.rategate_policy", string.format('"%s";q=%d', name, numbers[2]))
  if numbers[3] >= 0 then  -- else it is not known, as while the store is away
    txn:set_var("txn.rategate_state", string.format('"%s";r=%d;t=%d', name, numbers[3], reset))
  end
  txn:set_var("txn.rategate_retry", tostring(math.max(1, math.ceil(numbers[4] / 1000))))
  txn:set_var("txn.rategate", numbers[1] == 1 and "allowed" or "denied")
end, 1)
