-- SPDX-License-Identifier: Apache-2.0
-- For wrk: small posts, one reading of ten values each, none twice.  WHAT: influx (the line protocol, which
-- VictoriaMetrics takes too) or central (docs/api-v1.md); TOKEN and NODE are central's.
local what, token, node = os.getenv("WHAT"), os.getenv("TOKEN"), os.getenv("NODE")
local threads = 0

function setup(thread)
	threads = threads + 1
	thread:set("id", threads)
end

function init(args)
	n = 0
	wrk.method = "POST"
	if what == "central" then
		wrk.headers["Content-Type"] = "application/json"
		wrk.headers["Authorization"] = "Bearer " .. token
	end
end

local function line(at)
	local fields = {}
	for i = 0, 9 do
		fields[#fields + 1] = "v" .. i .. "=" .. (n * 31 + i) % 997 / 10
	end
	return "s,analyzer=" .. id .. " " .. table.concat(fields, ",") .. " " .. at .. "\n"
end

local function record(at)
	local variables = {}
	for i = 0, 9 do
		local v = (n * 31 + i) % 997 / 10
		variables[#variables + 1] = string.format('"v%d": {"unit": "V", "kind": "gauge", "value": [%.1f], ' ..
			'"min": [%.1f], "max": [%.1f], "count": [1], "covered_ms": [1000], "quality": [0]}', i, v, v, v)
	end
	return string.format('{"node": "%s", "records": [{"analyzer": %d, "start_ms": %s, "end_ms": %s, "model": null, ' ..
		'"identity": null, "variables": {%s}}]}', node, id, at - 1000, at, table.concat(variables, ", "))
end

function request()
	n = n + 1
	local at = 1753920000000 + n * 1000
	return wrk.format(nil, nil, nil, what == "central" and record(at) or line(at))
end
