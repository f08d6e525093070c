-- Each request asks for the next engagement; wrk hands in how many there are, the token, and the query's file.
local bodies, headers, turn = {}, {}, 0

function init(args)
  local count, token, folder = tonumber(args[1]), args[2], args[3]
  headers["content-type"] = "application/json"
  headers["authorization"] = "Bearer " .. token
  for number = 0, count - 1 do
    local file = assert(io.open(folder .. "/" .. number .. ".json"))
    bodies[number] = wrk.format("POST", "/graphql", headers, file:read("*a"))
    file:close()
  end
  total = count
end

function request()
  turn = (turn + 1) % total
  return bodies[turn]
end

function done(summary, latency)
  local bad = summary.errors.status + summary.errors.read + summary.errors.timeout + summary.errors.connect
  io.write(string.format('{"seconds": %f, "requests": %d, "bad": %d, "p50": %f, "p99": %f}\n',
    summary.duration / 1e6, summary.requests, bad, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
