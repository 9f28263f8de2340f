-- Asks rategate whether a request may go on, over its Unix socket and a connection that is kept.
--
--   access_by_lua_block {
--     require("rategate").limit { name = "web", key = ngx.var.remote_addr, period_ms = 60000 }
--   }
--
-- A denied request gets 429. Each answer has the fields of rategate_fields.lua, which must lie beside.
--   name       a limit that the daemon is configured with
--   period_ms  its period, for the fields; without it they do not tell the period
--   burst      of a token bucket, for the fields
--   key        what it is counted for: an address where the limit has key = "ip", else any bytes
--   socket     default: /run/rategate/rategate.sock
--   when_away  what is done while the daemon or its store is away: "deny" (503, the default) or "allow"
-- A question that is wrong (a key above 512 bytes, no address where one is expected, no such limit) is no
-- outage: 500 in any case. Where a client may choose a long key, count for its digest:
-- key = ngx.md5(ngx.var.http_x_api_key or "").
local fields = require("rategate_fields")

local rategate = {}

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

-- The six numbers; or nil, why, and whether that is because the daemon or its store is away.
local function ask(path, words)
  local socket = ngx.socket.tcp()
  socket:settimeouts(100, 100, 1000)
  local ok, why = socket:connect("unix:" .. path)
  if not ok then return nil, why, true end
  ok, why = socket:send(request(words))
  if not ok then return nil, why, true end
  local line
  line, why = socket:receive("*l")
  if not line then return nil, why, true end
  if line ~= "*6" then
    if line:sub(1, 1) == "-" then socket:setkeepalive(60000, 64) else socket:close() end
    return nil, line, is_outage(line)
  end
  local numbers = {}
  for i = 1, 6 do
    line, why = socket:receive("*l")
    if not line then return nil, why, true end
    numbers[i] = tonumber(line:sub(2))
  end
  socket:setkeepalive(60000, 64)
  return numbers
end

function rategate.limit(options)
  local words = { "CHECK", options.name, options.key }
  local path = options.socket or "/run/rategate/rategate.sock"
  local numbers, why, away = ask(path, words)
  if away then
    -- A connection that was kept may have ended with the daemon before: once more, on another.
    numbers, why, away = ask(path, words)
  end
  if not numbers then
    ngx.log(ngx.ERR, "rategate: ", why)
    if not away then return ngx.exit(500) end
    if options.when_away == "allow" then return end
    return ngx.exit(503)
  end
  local found = fields.of(numbers, options.name, options.period_ms or 0, options.burst or 0)
  for name, value in pairs(found) do ngx.header[name] = value end
  if numbers[1] == 1 then return end
  return ngx.exit(429)
end

return rategate
