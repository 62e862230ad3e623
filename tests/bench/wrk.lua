-- Sends each request of a file once. Arguments after `--`: the file (one JSON body a line), the path, "once" or "again".
-- "again" starts over at the file's end (queries, which change nothing); "once" ends the load there. Prints one line of
-- JSON at the end.
local ffi = require("ffi")
ffi.cdef [[
  struct bench_timeval { long seconds; long micros; };
  int gettimeofday(struct bench_timeval *now, void *zone);
]]
local timeval = ffi.new("struct bench_timeval")
local function now()
  ffi.C.gettimeofday(timeval, nil)
  return tonumber(timeval.seconds) + tonumber(timeval.micros) / 1e6
end

local thread

function setup(made)
  thread = made
end

-- Globals: what `done`, in another state, asks the thread for.
started = 0
ended = 0
local requests = {}
local at = 0
local again = false

function init(args)
  local headers = { ["Content-Type"] = "application/json" }
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", args[2], headers, line)
  end
  again = args[3] == "again"
end

function request()
  if at == 0 then started = now() end
  at = at + 1
  if at > #requests then
    if again then
      at = 1
    else
      at = #requests
      if ended == 0 then ended = now() end
      wrk.thread:stop()
    end
  end
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  local ended = thread:get("ended")
  local seconds = ended == 0 and summary.duration / 1e6 or ended - thread:get("started")
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50Ms":%.4f,"p99Ms":%.4f,"maxMs":%.4f}\n',
    summary.requests, seconds, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
