# SPDX-License-Identifier: Apache-2.0
"""Backups of a server under load; acked-before has what was acknowledged before the one that counts."""
import os
import pathlib
import sys
import threading

from central_api import Api, expect, says

folder = pathlib.Path(sys.argv[1])
admin = Api()
expect("in", admin.sign_in("admin", os.environ["PASSWORD"]).status, 200)


def backup(api, to):
    return api.call("POST", "/api/v1/backup", {"to": to})


for bad in ("", ".", "..", "../x", "a/b", "/tmp/x", ".x", "-x", "x.part", "x" * 101, "a b", "a\0b"):
    says(repr(bad), backup(admin, bad), 400, "name of a folder" if "\0" not in bad else "")
says("another key", admin.call("POST", "/api/v1/backup", {"from": "x"}), 400, "from")
says("no administrator", backup(Api(os.environ["OTHER"]), "x"), 403, "")
says("nobody", backup(Api(), "x"), 401, "")

before = "".join(p.read_text().rpartition("\n")[0] + "\n" for p in folder.glob("acked-*") if p.stat().st_size)
pathlib.Path("acked-before").write_text(before)
# Two at once: whichever came first.
second = Api()
expect("in", second.sign_in("admin", os.environ["PASSWORD"]).status, 200)
answers = []
threads = [threading.Thread(target=lambda a=a: answers.append(backup(a, "monday"))) for a in (admin, second)]
for t in threads:
    t.start()
for t in threads:
    t.join()
expect("one of two", sorted(a.status for a in answers), [201, 409])
[good] = [a for a in answers if a.status == 201]
expect("the answer", good.value(), {"to": "monday"})
says("again", backup(admin, "monday"), 409, "it is there already")
audit = [e["what"] for e in admin.get("/api/v1/audit", limit=20).value()["audit"]]
assert "backup" in audit, audit
