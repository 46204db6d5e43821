-- With an argument, the mean pause of a connection in ms: each pauses after an answer, by chance between nothing and
-- twice as long, so requests come one by one and not in step.
function init(arguments)
  local pause_ms = tonumber(arguments[1])
  if pause_ms then
    math.randomseed(1)
    local rest = 0 -- wrk knows whole ms: what was cut off is made up for in the next pause
    function delay()
      local wanted = math.random() * 2 * pause_ms + rest
      local whole = math.floor(wanted)
      rest = wanted - whole
      return whole
    end
  end
end

-- What wrk measured, as one line of JSON; its own text rounds.
function done(summary, latency, requests)
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"octets":%d,"failed":%d,"min":%d,"mean":%.1f,"p50":%d,"p90":%d,"p99":%d,"p999":%d,"max":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
      + summary.errors.timeout,
    latency.min, latency.mean, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency:percentile(99.9), latency.max))
end
