#!/usr/bin/env bash
# seconds: 15
# SPDX-License-Identifier: Apache-2.0
# The days of 23 and 25 hours in Europe/Madrid on tesla-central: 92 and 100 quarters of an hour come by
# clientRest's v2, which says the instant, and by a caller that does not; each once, whatever comes again.
. "$(dirname "$0")/../central.sh"
requires jq curl
export TZ=Europe/Madrid
test "$(date -d @1761350400 +%H)" = 02 || skip "no time zone Europe/Madrid here"
past=$(dirname "$TESLA_STAGE")/t/e2e/past
test -x "$past" || skip "t/e2e/past is not built: make check TESTS="

TZ=UTC start_central # the node's zone counts, not the server's
token=$(node_token 4 --zone Europe/Madrid)
load() { # analyzer day: dataHora and value of each
	ask "$token" GET "/ws/v2/history/load/4/$1/CEA/$2/$2/" | head -n 1 | jq -r '.ResultSet.Lectures[] | "\(.dataHora) \(.valor)"'
}

day() { # name analyzer from until records twice day
	local name=$1 id=$2
	mkdir "$name"
	cd "$name"
	device 1 tcp host=127.0.0.1 port=1
	analyzer "$id" 1 PM710 record_interval=15 \
		export="<export id=\"new\" type=\"clientRest\" target=\"$url/ws/v2\" token=\"$token\"/>" -- TPF CEA
	write_config
	write_ini General.auto_start=no "General.state_dir=$tmp/$name/state"
	mkdir state
	"$past" config.xml "$TESLA_MODELDIR" "$tmp/$name/state/journal" "$3" "$4" 60 >written
	assert_eq "$name: recorded" "$(wc -l <written)" "$5"
	mkdir -p "$tmp/run"
	start teslad teslad -c config.xml -i lector.ini
	wait_for 15 teslad_answers
	wait_for 60 drained
	assert_eq "$name: rejects" "$(ctl journal rejects new | wc -l)" 0
	stop teslad
	load "$id" "$7" >loaded
	# Its last window ends at midnight, which is the next day's.
	assert_eq "$name: loaded" "$(wc -l <loaded)" $(($5 - 1))
	assert_eq "$name: times twice" "$(cut -d' ' -f1 loaded | sort | uniq -d | wc -l)" "$6"
	cd "$tmp"
}
day autumn 1 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z 100 4 25-10-2026
day spring 2 2026-03-28T23:00:00Z 2026-03-29T22:00:00Z 92 0 29-03-2026
assert_eq "which" "$(cut -d' ' -f1 autumn/loaded | sort | uniq -d | paste -sd' ')" \
	"2026-10-25T02:00:00 2026-10-25T02:15:00 2026-10-25T02:30:00 2026-10-25T02:45:00"
cut -d' ' -f1 spring/loaded | sort -c || fail "spring: out of order"
cut -d' ' -f2 autumn/loaded | sort -nc || fail "the counter goes back: the two passes are not in order"
assert_eq "an hour that there was not" "$(grep -c 'T02' spring/loaded || true)" 0

# A caller that says local times only, in the order of time, then all once more.
post() { # analyzer local value
	curl -sS -o answer -w '%{http_code}\n' -u "4:$token" --data-urlencode "DATA_HORA=$2" -d "LECTURA={\"CEA\": [$3]}" \
		-d MODEL=PM710 "$url/ws/v2/history/save/4/$1/"
}
naive() { # analyzer from until: a status a quarter
	local t n=0
	for ((t = $(date -d "$2" +%s) + 900; t < $(date -d "$3" +%s); t += 900)); do
		n=$((n + 1))
		post "$1" "$(date -d @$t '+%d/%m/%Y %H:%M:%S')" $n
	done | sort | uniq -c | xargs
}
assert_eq "autumn" "$(naive 11 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z)" "99 201"
assert_eq "autumn, again" "$(naive 11 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z)" "99 409"
assert_eq "spring" "$(naive 12 2026-03-28T23:00:00Z 2026-03-29T22:00:00Z)" "91 201"
load 11 25-10-2026 >naive.autumn
cut -d' ' -f1 naive.autumn | cmp - <(cut -d' ' -f1 autumn/loaded) || fail "the times are not those that clientRest sent"
cut -d' ' -f2 naive.autumn | cmp - <(seq 99) || fail "the passes are not in order"
load 12 29-03-2026 | cut -d' ' -f1 | cmp - <(cut -d' ' -f1 spring/loaded) || fail "spring has other times"
assert_eq "an hour that there was not" "$(post 12 '29/03/2026 02:30:00' 1)" 400
assert_eq "why" "$(cat answer)" "1#DATA_HORA is 29/03/2026 02:30:00, which there was not: the clock was put forward"
# The same values in both passes cannot be told from one that is sent again.
post 13 '25/10/2026 02:30:00' 5 >first
assert_eq "the same values" "$(post 13 '25/10/2026 02:30:00' 5)" 409
