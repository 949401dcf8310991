# SPDX-License-Identifier: Apache-2.0
"""Every path of openapi.json by every kind of caller, and each answer against its schema."""
import os
import sys
import urllib.request

import jsonschema
from central_api import Api, CSV, JSON, MSGPACK, expect, says

NODE, OTHER, VIEWER, OPERATOR, LIMITED = (
    os.environ[n] for n in ("NODE_TOKEN", "OTHER_TOKEN", "VIEWER_TOKEN", "OPERATOR_TOKEN",
                            "LIMITED_TOKEN"))
admin = Api()
expect("sign-in", admin.sign_in("admin", os.environ["PASSWORD"]).status, 200)
spec = Api().get("/api/v1/openapi.json").value()
expect("version", spec["openapi"], "3.1.0")

RECORD = {"analyzer": 1, "start_ms": 1793350800000, "end_ms": 1793351700000, "model": "PM710",
          "identity": None, "variables": {
              "TPF": {"unit": "V", "kind": "gauge", "value": [230.1, None], "min": [229.8, None],
                      "max": [230.4, None], "count": [900, 0], "covered_ms": [900000, 0],
                      "quality": [0, 1]}}}
TIMES = "from=2026-10-30T00:00:00Z&to=2026-10-31T00:00:00Z"
# Good calls: path parameters and query, body; made twice, so what they make has another name.
GOOD = {
    ("post", "/api/v1/records"): ("", {"node": "4", "records": [RECORD, {"analyzer": 0}]}),
    ("post", "/api/v1/readings"): ("", {"node": "4", "e": 1793350700000, "readings": [
        {"analyzer": 1, "variable": "TPF", "t": 1793350800100, "n": 1, "k": 1, "u": "V",
         "v": [230.1, None], "q": [0, 1]}], "status": [
        {"analyzer": 1, "state": "online", "t": 1793350800100}]}),
    ("post", "/api/v1/prom/read"): ("", b"\0"),  # asks for nothing
    ("get", "/api/v1/live"): ("?node=4", None),
    ("get", "/api/v1/events/stream"): ("?node=4", None),
    ("get", "/api/v1/series"): (f"?node=4&analyzer=1&variable=TPF&{TIMES}", None),
    ("get", "/api/v1/last"): ("", None),
    ("get", "/api/v1/variables"): ("?node=4", None),
    ("get", "/api/v1/nodes"): ("?limit=1", None),
    ("post", "/api/v1/nodes"): ("", {"id": "new %s", "name": "New", "v2_allow": ["192.0.2.0/24"]}),
    ("get", "/api/v1/nodes/{node}"): ("", None),
    ("patch", "/api/v1/nodes/{node}"): ("", {"location": "Reus"}),
    ("delete", "/api/v1/nodes/{node}"): ("", None),
    ("get", "/api/v1/nodes/{node}/analyzers"): ("", None),
    ("get", "/api/v1/nodes/{node}/analyzers/{analyzer}"): ("", None),
    ("patch", "/api/v1/nodes/{node}/analyzers/{analyzer}"): ("", {"state": "active"}),
    ("get", "/api/v1/analyzers"): ("?state=active&limit=1", None),
    ("get", "/api/v1/models"): ("", None),
    ("get", "/api/v1/models/{name}"): ("", None),
    ("get", "/api/v1/users"): ("", None),
    ("post", "/api/v1/users"): ("", {"name": "new %s", "password": "long enough, this",
                                     "role": "viewer", "nodes": ["4"]}),
    ("get", "/api/v1/users/{name}"): ("", None),
    ("patch", "/api/v1/users/{name}"): ("", {"role": "operator", "nodes": []}),
    ("delete", "/api/v1/users/{name}"): ("", None),
    ("get", "/api/v1/tokens"): ("?limit=2", None),
    ("post", "/api/v1/tokens"): ("", {"name": "%s", "role": "viewer", "nodes": ["4"]}),
    ("delete", "/api/v1/tokens/{id}"): ("", None),
    ("get", "/api/v1/events"): ("?limit=1", None),
    ("get", "/api/v1/audit"): ("?limit=3", None),
    ("get", "/api/v1/session"): ("", None),
    ("post", "/api/v1/session"): ("", {"name": "admin", "password": os.environ["PASSWORD"]}),
    ("delete", "/api/v1/session"): ("", None),
    ("post", "/api/v1/session/password"): ("", {"old": "long enough, this", "new": "longer than that"}),
    ("post", "/api/v1/backup"): ("", {"to": "new-%s"}),
    ("get", "/api/v1/status"): ("", None),
    ("get", "/metrics"): ("", None),
    ("get", "/api/v1/openapi.json"): ("", None),
    ("get", "/healthz"): ("", None),
    ("get", "/readyz"): ("", None),
}
LASTING = "text/event-stream"
LETTER = {JSON: "j", MSGPACK: "m", CSV: "c"}


def resolve(schema):
    return dict(schema, components=spec["components"])


def check(what, schema, value):
    try:
        jsonschema.validate(value, resolve(schema), cls=jsonschema.Draft202012Validator)
    except jsonschema.ValidationError as e:
        sys.exit(f"{what}: {e.message} at {'/'.join(map(str, e.absolute_path))}")


def check_answer(what, operation, answer):
    """By its status and type, as the description has them."""
    responses = operation["responses"]
    response = responses.get(str(answer.status), responses["default"])
    if "content" not in response:
        expect(what, answer.body, b"")
        return
    assert answer.type in response["content"], f"{what}: {answer.status}, type {answer.type}"
    schema = response["content"][answer.type]["schema"]
    if answer.type == MSGPACK and "TableValue" in schema.get("$ref", ""):
        values = answer.values()
        for value in values:
            check(what, schema, value)
        expect(what + ": the last value", values[-1], {"end": True})
    elif answer.type in (JSON, MSGPACK):
        check(what, schema, answer.value())


def fill(path, form, body):
    """The path of something that is there, made anew where it is to be removed."""
    letter = LETTER[form]
    if path == "/api/v1/tokens/{id}":
        made = admin.call("POST", "/api/v1/tokens", {"name": letter, "role": "viewer"}).value()
        return path.replace("{id}", made["id"])
    if "models" in path:
        return path.replace("{name}", "PM710")
    name = f"new%20{letter}"
    node = name if body is None and "analyzers" not in path else "4"
    return path.replace("{node}", node).replace("{name}", name).replace("{analyzer}", "1")


def listen(path, responses):
    """An answer without an end: its head, and that something comes."""
    request = urllib.request.Request(os.environ["URL"] + path,
                                     headers={"Authorization": "Bearer " + VIEWER})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["Content-Type"] in responses[str(answer.status)]["content"], path
        assert answer.read(1), path


def good(method, path, form):
    query, body = GOOD[method, path]
    responses = spec["paths"][path][method]["responses"]
    if LASTING in responses.get("200", {}).get("content", {}):
        listen(path + query, responses)
        return
    if isinstance(body, dict):
        body = {k: v.replace("%s", LETTER[form]) if isinstance(v, str) else v
                for k, v in body.items()}
    caller = admin
    if spec["paths"][path][method]["x-access"] == "write":
        caller = Api(NODE)
    elif path == "/api/v1/session" and method == "delete":
        caller = Api()
        caller.sign_in("admin", os.environ["PASSWORD"])
    elif path == "/api/v1/session/password":
        caller = Api()
        name = "changes " + LETTER[form]
        made = admin.call("POST", "/api/v1/users",
                          {"name": name, "password": "long enough, this", "role": "viewer"})
        expect(name, made.status, 201)
        expect(name, caller.sign_in(name, "long enough, this").status, 200)
    answer = caller.call(method.upper(), fill(path, form, GOOD[method, path][1]) + query, body, form)
    what = f"{method} {path}, {form}"
    assert 200 <= answer.status < 300, f"{what}: {answer.status} {answer.body[:300]!r}"
    assert str(answer.status) in spec["paths"][path][method]["responses"], f"{what}: {answer.status}"
    check_answer(what, spec["paths"][path][method], answer)
    if answer.body and answer.type in (JSON, MSGPACK) and path != "/api/v1/openapi.json":
        expect(what, answer.type, form)


def refused(what, operation, caller, method, path, status, form):
    answer = caller.call(method.upper(), path, b"{}" if method != "get" else None, form,
                         {"Content-Type": JSON})
    expect(what, answer.status, status)
    check_answer(what, operation, answer)
    return answer


def strangers(method, path, operation, form):
    access = operation["x-access"]
    concrete = (path.replace("{node}", "4").replace("{analyzer}", "1").replace("{name}", "admin")
                .replace("{id}", "x"))
    what = f"{method} {path}"
    if access == "open":
        return
    answer = refused(what + ", nobody", operation, Api(), method, concrete, 401, form)
    assert "Bearer" in answer.headers["WWW-Authenticate"], what
    for token in ("x", NODE[:-1] + ("A" if NODE[-1] != "A" else "B"), "tc_a_b"):
        refused(f"{what}, {token}", operation, Api(token), method, concrete, 401, form)
    if access in ("operate", "administer", "account", "write"):
        refused(what + ", a viewer", operation, Api(VIEWER), method, concrete, 403, form)
    if access in ("administer", "account"):
        refused(what + ", an operator", operation, Api(OPERATOR), method, concrete, 403, form)
    if access in ("operate", "administer", "account") or "{node}" in path:
        refused(what + ", another node", operation, Api(OTHER), method, concrete, 403, form)
    if "{node}" in path or path in ("/api/v1/status", "/metrics"):
        refused(what + ", limited", operation, Api(LIMITED), method, concrete, 403, form)
    if method != "get" and access != "write": # a cookie alone is not enough
        thief = Api()
        thief.cookie = admin.cookie
        refused(what + ", no CSRF", operation, thief, method, concrete, 403, form)
        thief.csrf = "A" * len(admin.csrf)
        refused(what + ", another CSRF", operation, thief, method, concrete, 403, form)


called = set()
for path, item in spec["paths"].items():
    for method, operation in item.items():
        if method == "parameters":
            continue
        assert (method, path) in GOOD, f"{method} {path}: described, and not tested"
        for form in (JSON, MSGPACK):
            strangers(method, path, operation, form)
# Those that remove come last.
for method, path in sorted(GOOD, key=lambda k: (k[0] == "delete", list(GOOD).index(k))):
    for form in (JSON, MSGPACK):
        good(method, path, form)
    called.add((method, path))

# What a query has, and a path does not take.
for (method, path), (query, _) in GOOD.items():
    if method == "get" and spec["paths"][path]["get"]["x-access"] != "open" and path != "/metrics":
        where = path.replace("{node}", "4").replace("{analyzer}", "1").replace("{name}", "PM710")
        says(path, admin.call("GET", where + (query + "&" if query else "?") + "nodee=4"), 400, '"nodee" is no parameter')
for query, why in (("limit=1&limit=2", '"limit" stands twice'), ("format=csv", 'format is "csv": expected json or msgpack'),
                   ("format=", 'format is ""'), ("limit&limit=1", '"limit" has no value'), ("after=4%00", "a %00 in the address")):
    says(query, admin.call("GET", "/api/v1/nodes?" + query), 400, why)
says("two ways", admin.call("GET", "/api/v1/series?node=4&s=4/1/TPF"), 400, "s and node: expected one of them")
says("xml", admin.call("GET", "/api/v1/last?format=xml"), 400, 'format is "xml": expected json, msgpack or csv')
expect("an empty one", admin.call("GET", "/api/v1/nodes?&limit=1&").status, 200)

# Other nodes' records and series, by the query.
for token in (OTHER, LIMITED):
    says("series", Api(token).call("GET", f"/api/v1/series?node=4&analyzer=1&variable=TPF&{TIMES}"), 403,
         "may not read")
    says("last", Api(token).call("GET", "/api/v1/last?node=4"), 403, "may not read")
    expect("all of the last", Api(token).get("/api/v1/last").value()["rows"], [])
    expect("variables", Api(token).get("/api/v1/variables").value()["rows"], [])
    expect("analyzers", Api(token).get("/api/v1/analyzers").value()["analyzers"], [])
    expect("nodes", [n["id"] for n in Api(token).get("/api/v1/nodes").value()["nodes"]], ["5"])
    expect("events", Api(token).get("/api/v1/events").value()["events"], [])
says("records", Api(OTHER).call("POST", "/api/v1/records", {"node": "4", "records": []}), 403, "token is of node 5")
says("an operator", Api(OPERATOR).call("PATCH", "/api/v1/nodes/4", {"unknown": "auto"}), 403,
     "the name and the location only")
print(len(called), "calls")
