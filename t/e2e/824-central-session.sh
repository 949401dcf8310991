#!/usr/bin/env bash
# seconds: 15; san
# SPDX-License-Identifier: Apache-2.0
# Signing in: the cookie, its CSRF token, one's own password, the end; users, tokens and nodes that come and
# go; each in the audit log; an unknown user looks like a known one; too many attempts wait.
. "$(dirname "$0")/../central.sh"
requires curl python:msgpack

central_ini
start_central
URL=$url
PASSWORD=$(sed 's/.*: //' password)
SERVER=${pids[central]}
export URL PASSWORD SERVER TESLA_SLOWER=$slower
node_token 4 >/dev/null
node_token 5 >/dev/null
PYTHONPATH=$top/t/e2e py "$top/t/e2e/central_session.py" >said 2>&1 || fail "$(tail -n 5 said)"
assert_eq "all" "$(cat said)" good

# Its cookie, in whichever header; of two sessions none.
curl -sS -c jar -H 'Content-Type: application/json' -d "{\"name\": \"admin\", \"password\": \"$PASSWORD\"}" "$url/api/v1/session" >said
cookie=tesla=$(sed -n 's/.*tesla[[:space:]]*//p' jar)
answers "in the second" 200 '"admin"' ask "" GET /api/v1/session -H 'Cookie: a=b' -H "Cookie: $cookie"
answers "in the first" 200 '"admin"' ask "" GET /api/v1/session -H "cookie: $cookie; a=b" -H 'Cookie: c=d'
answers "two in one, and another" 401 'who are you' ask "" GET /api/v1/session -H 'Cookie: tesla=a; tesla=b' -H "Cookie: $cookie"
answers "in both" 401 'who are you' ask "" GET /api/v1/session -H "Cookie: $cookie" -H "Cookie: $cookie"
stop central
