-- Each call is started, extended and ended by requests that lie so far apart that the one before has been answered.
local apart = 4096
local count = 0
local operations = {}
local headers = {["Content-Type"] = "application/json"}
local run = tostring(os.time()) .. "-" .. tostring(math.random(1, 1000000000))

local function body_of(number, step)
  local call = string.format('"call_id":"%s-%d","switch":"bench"', run, number)
  if step == 0 then
    local organization = math.random(1, 10000)
    local called = string.format("%d%09d", math.random(10, 99), math.random(0, 999999999))
    return "start", string.format('{%s,"from":"4420%08d","to":"%s"}', call, organization, called)
  elseif step == 1 then
    return "extend", string.format('{%s,"granted_total":60,"elapsed":50}', call)
  end
  return "end", string.format('{%s,"duration":75,"cause":"bye"}', call)
end

function init(args)
  math.randomseed(os.time())
  run = (args[1] or "run") .. "-" .. tostring(math.random(1, 1000000000))
end

-- Rounds of `apart` starts, then their extends, then their ends.
function request()
  local round = math.floor(count / (3 * apart))
  local place = count % (3 * apart)
  local step = math.floor(place / apart)
  local operation, body = body_of(round * apart + place % apart, step)
  count = count + 1
  return wrk.format("POST", "/v1/calls/" .. operation, headers, body)
end

function done(summary, latency)
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout))
end
