# SPDX-License-Identifier: Apache-2.0
"""Signing in, with a cookie and its CSRF token; users and tokens that come, change and go; what the
audit log says of all that."""
import glob
import http.client
import os
import threading
import time

from central_api import Api, JSON, expect, says

PASSWORD = os.environ["PASSWORD"]
WRONG = "name or password is wrong"

# ---- in and out ----
admin = Api()
answer = admin.sign_in("admin", PASSWORD)
expect("in", answer.status, 200)
cookie = answer.headers["Set-Cookie"]
for part in ("tesla=", "HttpOnly", "SameSite=", "Path=/"):
    assert part in cookie, cookie
expect("not kept by who is between", answer.headers["Cache-Control"], "no-store")
who = admin.get("/api/v1/session").value()
expect("who", {k: who[k] for k in ("kind", "name", "role", "csrf")},
       {"kind": "user", "name": "admin", "role": "administrator", "csrf": admin.csrf})
says("nobody", Api().call("GET", "/api/v1/session"), 401, "who are you")
# A form of another page, and a header that is wrong.
says("a form", Api().call("POST", "/api/v1/session", b"name=admin&password=x",
     headers={"Content-Type": "application/x-www-form-urlencoded"}), 400, "Content-Type")
out = Api()
out.sign_in("admin", PASSWORD)
csrf, out.csrf = out.csrf, None
says("no CSRF", out.call("DELETE", "/api/v1/session"), 403, "X-CSRF-Token")
says("no CSRF", out.call("POST", "/api/v1/nodes", {"id": "9"}), 403, "X-CSRF-Token")
expect("to read, none is wanted", out.call("GET", "/api/v1/users").status, 200)
out.csrf = csrf
answer = out.call("DELETE", "/api/v1/session")
expect("out", (answer.status, answer.body), (204, b""))
assert "Max-Age=0" in answer.headers["Set-Cookie"], answer.headers["Set-Cookie"]
says("out", out.call("GET", "/api/v1/session"), 401, "who are you")
typed_too_early = "my password in the field above"
for name, password in (("admin", PASSWORD + "x"), ("nobody", PASSWORD), ("ADMIN", PASSWORD), (typed_too_early, "x")):
    answer = Api().sign_in(name, password)
    says(name, answer, 401, WRONG)
    assert "Set-Cookie" not in answer.headers
for body in ({}, {"name": "admin"}, {"name": "admin", "password": 5}, {"name": "admin", "password": ""},
             {"name": "admin", "password": "x", "more": 1}, {"name": "a" * 600, "password": "x"}, []):
    expect(str(body)[:60], Api().call("POST", "/api/v1/session", body).status, 400)

# ---- users ----
long = "a long password"
says("short", admin.call("POST", "/api/v1/users", {"name": "eva", "password": "short", "role": "viewer"}), 400, "")
says("no role", admin.call("POST", "/api/v1/users", {"name": "eva", "password": long}), 400, "a role")
says("a role", admin.call("POST", "/api/v1/users", {"name": "eva", "password": long, "role": "king"}), 400, "")
says("a key", admin.call("POST", "/api/v1/users", {"name": "eva", "rolle": "viewer"}), 400, '"rolle"')
made = admin.call("POST", "/api/v1/users", {"name": "eva", "password": long, "role": "viewer", "nodes": ["4"]})
expect("eva", (made.status, {k: made.value()[k] for k in ("name", "role", "nodes", "disabled")}),
       (201, {"name": "eva", "role": "viewer", "nodes": ["4"], "disabled": False}))
says("again", admin.call("POST", "/api/v1/users", {"name": "eva", "password": long, "role": "viewer"}), 409, "")
assert long.encode() not in admin.get("/api/v1/users").body and b"argon" not in admin.get("/api/v1/users").body
eva, other = Api(), Api()
expect("eva is in", eva.sign_in("eva", long).status, 200)
expect("and from elsewhere", other.sign_in("eva", long).status, 200)
says("may not", eva.call("GET", "/api/v1/users"), 403, "user eva may not")
says("may not", eva.call("GET", "/api/v1/nodes/5"), 403, "may not")
expect("may", eva.call("GET", "/api/v1/nodes/4").status, 200)
# Her own password: all other sessions end, this one goes on as another.
says("old", eva.call("POST", "/api/v1/session/password", {"old": "x" * 12, "new": "b" * 12}), 403, "old password is wrong")
says("new", eva.call("POST", "/api/v1/session/password", {"old": long, "new": "b"}), 400, "")
answer = eva.call("POST", "/api/v1/session/password", {"old": long, "new": "another long one"})
expect("changed", answer.status, 200)
says("the one before", eva.call("GET", "/api/v1/session"), 401, "")
says("the other", other.call("GET", "/api/v1/session"), 401, "")
eva.cookie, eva.csrf = answer.headers["Set-Cookie"].split(";")[0], answer.value()["csrf"]
expect("goes on", eva.get("/api/v1/session").value()["name"], "eva")
says("the old one", Api().sign_in("eva", long), 401, WRONG)
# Whom the server trusts is for who administers: neither a viewer nor an operator is told.
trusts = {"control", "control_key", "stream", "v2_allow"}
expect("an administrator", trusts & set(admin.get("/api/v1/nodes/4").value()), trusts)
for role in ("viewer", "operator"):
    admin.call("PATCH", "/api/v1/users/eva", {"role": role, "nodes": []})
    told = [eva.get("/api/v1/nodes/4").value(), *eva.get("/api/v1/nodes").value()["nodes"]]
    expect(role, [trusts & set(node) for node in told], [set()] * len(told))
expect("an operator's change", trusts & set(eva.call("PATCH", "/api/v1/nodes/4", {"name": "Mill"}).value()), set())
admin.call("PATCH", "/api/v1/users/eva", {"role": "viewer", "nodes": ["4"]})
# Disabled, and gone.
expect("disabled", admin.call("PATCH", "/api/v1/users/eva", {"disabled": True}).value()["disabled"], True)
says("disabled", eva.call("GET", "/api/v1/session"), 401, "")
says("disabled", Api().sign_in("eva", "another long one"), 401, WRONG)
expect("enabled", admin.call("PATCH", "/api/v1/users/eva", {"disabled": False, "role": "operator"}).value()["role"],
       "operator")
expect("gone", admin.call("DELETE", "/api/v1/users/eva").status, 204)
says("gone", admin.call("DELETE", "/api/v1/users/eva"), 404, "")
says("gone", admin.call("GET", "/api/v1/users/eva"), 404, "")
says("the last one", admin.call("DELETE", "/api/v1/users/admin"), 409, "")
says("the last one", admin.call("PATCH", "/api/v1/users/admin", {"role": "viewer"}), 409, "")

# ---- tokens ----
says("of what", admin.call("POST", "/api/v1/tokens", {"name": "x"}), 400, "either the node")
says("of both", admin.call("POST", "/api/v1/tokens", {"name": "x", "node": "4", "role": "viewer"}), 400, "either")
says("of whom", admin.call("POST", "/api/v1/tokens", {"name": "x", "node": "99"}), 404, "")
made = admin.call("POST", "/api/v1/tokens", {"name": "gate", "node": "4"})
expect("made", (made.status, made.headers["Cache-Control"]), (201, "no-store"))
made = made.value()
assert made["secret"].encode() not in admin.get("/api/v1/tokens", limit=1000).body
gate = Api(made["secret"])
answer = admin.call("DELETE", "/api/v1/tokens/" + made["secret"])
says("the secret, for the id", answer, 404, "expected its id")
assert made["secret"][15:25].encode() not in answer.body, answer.body
expect("lets in", gate.get("/api/v1/session").value()["node"], "4")
expect("revoked", admin.call("DELETE", "/api/v1/tokens/" + made["id"]).status, 204)
says("revoked", gate.call("GET", "/api/v1/session"), 401, "")

# ---- nodes ----
made = admin.call("POST", "/api/v1/nodes", {"id": "7", "zone": "Europe/Madrid", "unknown": "pending"})
expect("node", (made.status, made.value()["zone"], made.value()["v2_allow"]), (201, "Europe/Madrid", []))
says("zone", admin.call("PATCH", "/api/v1/nodes/7", {"zone": "Mars/Olympus"}), 400, "")
says("id", admin.call("PATCH", "/api/v1/nodes/7", {"id": "8"}), 400, "does not change")
changed = admin.call("PATCH", "/api/v1/nodes/7", {"name": "Mill", "v2_allow": ["192.0.2.0/24", "::1"]}).value()
expect("changed", (changed["name"], changed["v2_allow"]), ("Mill", ["192.0.2.0/24", "::1"]))
says("analyzer", admin.call("PATCH", "/api/v1/nodes/7/analyzers/1", {"state": "active"}), 404, "")
pages, after = [], None
while True:
    page = admin.get("/api/v1/nodes", limit=1, **({"after": after} if after else {})).value()
    pages += [n["id"] for n in page["nodes"]]
    after = page["next"]
    if after is None:
        break
expect("page by page", pages, ["4", "5", "7"])
expect("gone", admin.call("DELETE", "/api/v1/nodes/7").status, 204)

# ---- what the log says, page by page ----
log, before = [], None
while True:
    page = admin.get("/api/v1/audit", limit=7, **({"before": before} if before else {})).value()
    log += page["audit"]
    before = page["next"]
    if before is None:
        break
expect("newest first", [e["seq"] for e in log], list(range(log[0]["seq"], 0, -1)))
said = [(e["what"], e["who"]) for e in reversed(log)]
for entry in (("session.begin", "user admin"), ("session.end", "user admin"), ("session.refused", "nobody"),
              ("user.add", "user admin"), ("user.set", "user eva"), ("user.set", "user admin"),
              ("user.remove", "user admin"), ("token.add", "user admin"), ("token.revoke", "user admin"),
              ("node.add", "user admin"), ("node.set", "user admin"), ("node.remove", "user admin")):
    assert entry in said, entry
expect("from", {e["from"] for e in log if e["what"].startswith("session")}, {"127.0.0.1"})
for secret in (PASSWORD, long, "another long one", typed_too_early):
    assert secret not in str(log), secret
expect("who was refused", {e["text"] for e in log if e["what"] == "session.refused"}, {"admin", "eva", "unknown"})

# ---- who is unknown waits as long, and one at a time ----


def cpu():
    """Seconds of processors that the server has used: what else the machine does is not in it."""
    tasks = glob.glob(f"/proc/{os.environ['SERVER']}/task/*/schedstat")
    return sum(int(open(t, encoding="ascii").read().split()[0]) for t in tasks) / 1e9


def seconds(name):
    begin = cpu()
    says(name, Api().sign_in(name, "wrong " + PASSWORD), 401, WRONG)
    return cpu() - begin


admin.call("POST", "/api/v1/users", {"name": "ona", "password": long, "role": "viewer"})
known, unknown = zip(*((seconds("ona"), seconds(f"who{i}")) for i in range(4)))
assert 0.5 < min(known) / min(unknown) < 2, f"{known}, of who is unknown {unknown}"
# Too often: told how long to wait; the right password waits, too, and another user does not.
for _ in range(30):
    answer = Api().sign_in("ona", "wrong")
    if answer.status == 429:
        break
says("too often", answer, 429, "too many attempts")
assert int(answer.headers["Retry-After"]) >= 1
says("too often", Api().sign_in("ona", long), 429, "too many attempts")

# The log has the first refusal, and the others at most once a minute.
told = [e for e in admin.get("/api/v1/audit", limit=100).value()["audit"]
        if e["what"] == "session.refused" and e["text"].split(",")[0] == "ona"]
assert 1 <= len(told) < 4, told

# While passwords are looked at, others are answered.
def attempt():
    connection = http.client.HTTPConnection(os.environ["URL"].split("/")[2], timeout=60)
    connection.request("POST", "/api/v1/session", b'{"name": "xx", "password": "yyyyyyyyyyyy"}', {"Content-Type": JSON})
    assert connection.getresponse().status in (401, 429, 503)


threads = [threading.Thread(target=attempt) for _ in range(20)]
for t in threads:
    t.start()
worst = 0.0
while any(t.is_alive() for t in threads):
    begin = time.monotonic()
    expect("meanwhile", admin.call("GET", "/api/v1/nodes/4").status, 200)
    worst = max(worst, time.monotonic() - begin)
assert worst < 1.0 * int(os.environ["TESLA_SLOWER"]), f"{worst:.3f} s"
print("good")
