-- SPDX-License-Identifier: Apache-2.0
-- For wrk: small posts, one reading of ten values each, none twice, of 50 analyzers.  WHAT: influx (the line
-- protocol, which VictoriaMetrics takes too), or a whole record for central (docs/api-v1.md), as json or msgpack;
-- TOKEN and NODE are central's.  FROM: milliseconds that times begin at.
local ffi = require("ffi")
local what, token, node, from = os.getenv("WHAT"), os.getenv("TOKEN"), os.getenv("NODE"), tonumber(os.getenv("FROM"))
local threads, ANALYZERS, STEPS = 0, 25, 997
local texts = {}	-- of a value: what stands in the body

function setup(thread)
	threads = threads + 1
	thread:set("id", threads)
end

local function big_endian(type, v)
	return ffi.string(ffi.new(type .. "[1]", v), ffi.sizeof(type)):reverse()
end

local function mp(text)		-- shorter than 32
	return string.char(0xa0 + #text) .. text
end

local function real(v)
	return "\203" .. big_endian("double", v)
end

local function variable(v)
	if what == "influx" then
		return tostring(v)
	elseif what == "json" then
		return string.format('{"unit":"V","kind":"gauge","value":[%.1f],"min":[%.1f],"max":[%.1f],' ..
			'"count":[1],"covered_ms":[1000],"quality":[0]}', v, v, v)
	end
	return "\136" .. mp("unit") .. mp("V") .. mp("kind") .. mp("gauge") .. mp("value") .. "\145" .. real(v) ..
		mp("min") .. "\145" .. real(v) .. mp("max") .. "\145" .. real(v) .. mp("count") .. "\145\1" ..
		mp("covered_ms") .. "\145\205\3\232" .. mp("quality") .. "\145\0"
end

function init(args)
	n = 0
	for i = 0, STEPS - 1 do
		texts[i] = variable(i / 10)
	end
	wrk.method = "POST"
	if what ~= "influx" then
		wrk.headers["Content-Type"] = "application/" .. what
		wrk.headers["Authorization"] = "Bearer " .. token
	end
end

local function join(before, between)
	local parts = {}
	for i = 0, 9 do
		parts[i + 1] = before[i] .. texts[(n * 31 + i) % STEPS]
	end
	return table.concat(parts, between)
end

local forms = {}
local names = { influx = {}, json = {}, msgpack = {} }
for i = 0, 9 do
	names.influx[i] = "v" .. i .. "="
	names.json[i] = '"v' .. i .. '":'
	names.msgpack[i] = mp("v" .. i)
end

function forms.influx(analyzer, at)
	return string.format("s,analyzer=%d %s %d\n", analyzer, join(names.influx, ","), at)
end

function forms.json(analyzer, at)
	return string.format('{"node":"%s","records":[{"analyzer":%d,"start_ms":%d,"end_ms":%d,"model":"m",' ..
		'"identity":null,"variables":{%s}}]}', node, analyzer, at - 1000, at, join(names.json, ","))
end

function forms.msgpack(analyzer, at)
	return table.concat({ "\130", mp("node"), mp(node), mp("records"), "\145\134", mp("analyzer"),
		string.char(analyzer), mp("start_ms"), "\211", big_endian("int64_t", at - 1000), mp("end_ms"), "\211",
		big_endian("int64_t", at), mp("model"), mp("m"), mp("identity"), "\192", mp("variables"), "\138",
		join(names.msgpack, "") })
end

function request()
	local analyzer, at = (id - 1) * ANALYZERS + n % ANALYZERS + 1, from + math.floor(n / ANALYZERS) * 1000
	n = n + 1
	return wrk.format(nil, nil, nil, forms[what](analyzer, at))
end
