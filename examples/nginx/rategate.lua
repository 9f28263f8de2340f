-- Asks rategate whether a request may go on, over its Unix socket and a connection that is kept.
--
--   access_by_lua_block {
--     require("rategate").limit { name = "web", key = ngx.var.binary_remote_addr }
--   }
--
-- A denied request gets 429 with Retry-After and RateLimit fields (draft-ietf-httpapi-ratelimit-headers).
--   name       a limit that the daemon is configured with
--   key        what it is counted for; any bytes
--   socket     default: /run/rategate/rategate.sock
--   when_away  what is done where there is no decision: "deny" (503, the default) or "allow"
local rategate = {}

local function request(words)
  local parts = { "*" .. #words .. "\r\n" }
  for _, word in ipairs(words) do
    parts[#parts + 1] = "$" .. #word .. "\r\n" .. word .. "\r\n"
  end
  return table.concat(parts)
end

-- The six numbers, or nil and why.
local function ask(path, words)
  local socket = ngx.socket.tcp()
  socket:settimeouts(100, 100, 1000)
  local ok, why = socket:connect("unix:" .. path)
  if not ok then return nil, why end
  ok, why = socket:send(request(words))
  if not ok then return nil, why end
  local line
  line, why = socket:receive("*l")
  if not line then return nil, why end
  if line ~= "*6" then
    if line:sub(1, 1) == "-" then socket:setkeepalive(60000, 64) else socket:close() end
    return nil, line
  end
  local numbers = {}
  for i = 1, 6 do
    line, why = socket:receive("*l")
    if not line then return nil, why end
    numbers[i] = tonumber(line:sub(2))
  end
  socket:setkeepalive(60000, 64)
  return numbers
end

function rategate.limit(options)
  local words = { "CHECK", options.name, options.key }
  local path = options.socket or "/run/rategate/rategate.sock"
  local numbers, why = ask(path, words)
  if not numbers then
    -- A connection that was kept may have ended with the daemon before: once more, on another.
    numbers, why = ask(path, words)
  end
  if not numbers then
    ngx.log(ngx.ERR, "rategate: ", why)
    if options.when_away == "allow" then return end
    return ngx.exit(503)
  end
  local allowed, limit, remaining, retry_ms, reset_ms = unpack(numbers)
  local reset = math.ceil(reset_ms / 1000)
  ngx.header["RateLimit-Policy"] = string.format('"%s";q=%d', options.name, limit)
  ngx.header["RateLimit"] = string.format('"%s";r=%d;t=%d', options.name, remaining, reset)
  if allowed == 1 then return end
  if retry_ms >= 0 then ngx.header["Retry-After"] = math.max(1, math.ceil(retry_ms / 1000)) end
  return ngx.exit(429)
end

return rategate
