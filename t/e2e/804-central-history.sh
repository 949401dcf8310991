#!/usr/bin/env bash
# seconds: 10
# SPDX-License-Identifier: Apache-2.0
# tesla-central import of the predecessor's history: CSV, answers of history/load and day files give
# the same records; again they change nothing; what is not understood is said with file and line.
. "$(dirname "$0")/../lib.sh"
requires jq

store=$tmp/store
central() {
	tesla-central -d "$store" "$@"
}
values() {	# exported: end, variable and values of each record, sorted
	central export | jq -c '.record | .end_ms as $t | .variables | to_entries[] | [$t, .key, .value.value]' | sort
}

# Two days with the hour that comes again, in quarters of an hour: 100 + 96 of them.
py - <<'PYTHON'
import datetime as dt, json, os, zoneinfo
zone = zoneinfo.ZoneInfo("Europe/Madrid")
start = dt.datetime(2026, 10, 24, 22, 15, tzinfo=dt.timezone.utc)
lectures, days, energy = [], {}, 1000.0
csv = open("past.csv", "w")
csv.write("time,variable,element,value\n")
for i in range(196):
    t = (start + dt.timedelta(minutes=15 * i)).astimezone(zone)
    volts = [round(230 + (i * 7 + k) % 40 / 8, 2) for k in range(3)]
    power = round(12.34 + i % 9, 2)
    energy = round(energy + power / 4, 2)
    naive = t.replace(tzinfo=None).isoformat()
    for k, v in enumerate(volts):
        csv.write(f"{naive},TPF,{k},{v}\n")
    csv.write(f"{naive},PAT,0,{power}\n{naive},CEA,0,{energy}\n")
    for name, value in ("TPF", volts), ("PAT", power), ("CEA", energy):
        lectures.append({"dataHora": naive, "descripcio": "", "unitats": "", "valor": value,
                         "variable": name})
    line = f"{t:%H:%M:%S}\t" + "".join(f"{v:9.2f}\t" for v in volts + [power, energy])
    days.setdefault(f"{t:%Y%m%d}", []).append(line)
json.dump({"ResultSet": {"Lectures": lectures}}, open("past.json", "w"))
os.makedirs("dades/1")
for day, lines in days.items():
    with open(f"dades/1/{day}.txt", "w") as f:
        f.write("HORA\tTPF0\tTPF1\tTPF2\tPAT0\tCEA0\t\n" + "\n".join(lines) + "\n")
PYTHON
usual=(-n 4 --model PM710 --time-zone Europe/Madrid)

central import "${usual[@]}" --analyzer 1 past.csv 2>said || fail "$(cat said)"
assert_eq "csv" "$(cat said)" "196 records stored, 0 were there already, 0 lines refused"
values >want
assert_eq "values" "$(wc -l <want)" 588
assert_eq "power" "$(jq -c 'select(.[1] == "PAT") | .[2][0]' want | sort -n | head -n 1)" 12340
assert_eq "windows" "$(central export | jq '.record | .end_ms - .start_ms' | sort -u)" 900000
assert_eq "instants" "$(central export | jq .record.end_ms | sort -u | wc -l)" 196
# The increases of the counter are its steps, and one is not known.
assert_eq "increases" "$(central export | jq '.record.variables.CEA.increase[0]' | grep -c null)" 1
central import "${usual[@]}" -a 1 past.csv 2>said
assert_eq "again" "$(cat said)" "0 records stored, 196 were there already, 0 lines refused"
values | cmp want - || fail "importing it again changed it"

store=$tmp/rest
central import "${usual[@]}" -a 1 past.json 2>said || fail "$(cat said)"
values | cmp want - || fail "the answer of history/load gives other records"

store=$tmp/days	# the analyzer is the folder's name
central import "${usual[@]}" dades/1/*.txt 2>said || fail "$(cat said)"
values | cmp want - || fail "the day files give other records"

# Said, and nothing else lost.
store=$tmp/other
{
	echo 'time;addr;variable;value'
	echo '2026-03-29 02:30:00;1;TPF;[230.1, 230.2, 230.3]'
	echo '2026-03-29 03:30:00;1;FRE;50'
	echo '2026-03-29 03:45:00;1;FRE;fifty'
	echo '2026-03-29 04:00:00;1;FRE;[50.1]'
} >odd.csv
assert_status 1 central import "${usual[@]}" odd.csv 2>said
assert_match "no such hour" "$(cat said)" 'odd.csv:2: there was no 2026-03-29 02:30:00: the clock was put forward'
assert_eq "said once" "$(grep -c odd.csv:2 said)" 1
assert_match "no number" "$(cat said)" 'odd.csv:4: fifty is no number'
assert_match "the rest" "$(cat said)" '2 records stored, 0 were there already, 2 lines refused'
assert_status 1 central import -n 4 --model PM710 odd.csv 2>said
assert_match "no zone" "$(cat said)" 'odd.csv:3: the time 2026-03-29 03:30:00 is a local one: say --time-zone'
head -c 300 past.json >cut.json
assert_status 1 central import "${usual[@]}" -a 2 cut.json odd.csv 2>said
assert_match "cut off" "$(cat said)" 'cut.json: it is no JSON, or ends in the middle: behind reading [0-9]'
assert_status 64 central import --time-zone Europe/Nowhere odd.csv 2>said
assert_match "zone" "$(cat said)" 'time-zone: '
assert_status 64 central import --form other odd.csv 2>said
