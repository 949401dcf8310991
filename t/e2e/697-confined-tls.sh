#!/usr/bin/env bash
# seconds: 6; san
# SPDX-License-Identifier: Apache-2.0
# clientRest in its confined host: a name, TLS, a file of certificates that its parameters name, also
# after that was written anew, which makes it another file.
. "$(dirname "$0")/../lib.sh"
requires jq openssl python:msgpack

mkdir keys
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout keys/key.pem -out keys/cert.pem 2>openssl.log
start_rest one --cert keys/cert.pem --key keys/key.pem
port=$(rest_url one)
port=${port##*:}
start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=localhost port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s export="<export type=\"clientRest\" id=\"rest\" target=\"https://localhost:$port\" api=\"v1\" ca=\"$tmp/keys/ca.pem\"/>" -- TPF
cp keys/cert.pem keys/ca.pem
write_config
start_teslad
delivered() {
	test "$(ctl journal | jq '.exporters[0].delivered')" -ge "$1"
}
wait_for 15 delivered 2
assert_eq "restarts" "$(ctl status | jq -c '[.hosts[].restarts] | unique')" '[0]'
if has_landlock; then
	assert_eq "confined" "$(ctl status | jq -c '[.hosts[].confined] | unique')" '[true]'
fi
# The connection is closed with its server; the next one reads the new file.
cp keys/cert.pem keys/new.pem
mv keys/new.pem keys/ca.pem
stop one
start one py "$top/t/e2e/rest_server.py" --cert keys/cert.pem --key keys/key.pem --port "$port"
wait_for 10 grep -qs '^ready' one.log
teslactl journal drain rest >/dev/null
wait_for 20 delivered $(($(ctl journal | jq '.exporters[0].delivered') + 2))
assert_eq "restarts" "$(ctl status | jq -c '[.hosts[].restarts] | unique')" '[0]'
stop teslad
