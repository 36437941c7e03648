-- WRITTEN FROM DOCUMENTATION, NOT RUN AGAINST FREESWITCH. Reports are welcome.
-- Tell Talktime how a call ended; talktime.xml runs it as api_reporting_hook, when the times of the call are known.

local attempts_max = 30

local talktime = freeswitch.API():execute("global_getvar", "talktime")
local key = env:getHeader("talktime_key")
local seconds = (tonumber(env:getHeader("billmsec")) or 0) / 1000
local cause = "bye"
if env:getHeader("hangup_cause") == "ALLOTTED_TIMEOUT" then cause = "quota" end
if seconds == 0 then cause = "noanswer" end

local report = string.format("%s&duration=%.3f&cause=%s", key, seconds, cause)
for attempt = 1, attempts_max do
  local answer = freeswitch.API():execute("curl", talktime .. "/v1/calls/end?format=text timeout 3 post " .. report)
  if answer and (answer:find("^ok") or answer:find("^parked")) then return end
  freeswitch.msleep(1000)
end
freeswitch.consoleLog("ERR", "Talktime was not told of the end: " .. report .. "\n")
