#!/usr/bin/env bash
# seconds: 20; san
# SPDX-License-Identifier: Apache-2.0
# Every path of openapi.json: nobody and a wrong token get 401; a viewer, an operator, another node's token
# and a cookie without its CSRF token get 403 where they must; a good call's answer is as described, in JSON
# and in MessagePack.
. "$(dirname "$0")/../central.sh"
requires curl python:msgpack python:jsonschema

central_ini "Server.models=$top/etc/models"
start_central
URL=$url
PASSWORD=$(sed 's/.*: //' password)
NODE_TOKEN=$(node_token 4)
OTHER_TOKEN=$(node_token 5)
role_token() { # role options...
	central token add --role "$1" --name "$*" "${@:2}" 2>/dev/null | grep -o 'tc_.*'
}
VIEWER_TOKEN=$(role_token viewer)
OPERATOR_TOKEN=$(role_token operator)
LIMITED_TOKEN=$(role_token operator --nodes 5)
export URL PASSWORD NODE_TOKEN OTHER_TOKEN VIEWER_TOKEN OPERATOR_TOKEN LIMITED_TOKEN
PYTHONPATH=$top/t/e2e py "$top/t/e2e/central_openapi.py" >said 2>&1 || fail "$(tail -n 5 said)"
assert_match "all" "$(cat said)" '^[0-9]+ calls$'
stop central
