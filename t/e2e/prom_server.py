# SPDX-License-Identifier: Apache-2.0
"""What tesla-central's /api/v1/prom/read is to Prometheus, with records of a file behind it:
prom_server.py RECORDS.jsonl TOKEN PROM_ANSWER SAMPLES_MAX.  Prints "ready PORT".  Each request's body is kept in
request.N, and request.N.headers has its headers."""
import http.server
import json
import subprocess
import sys

records, token, program, limit = sys.argv[1:]
KINDS = {"gauge": 1, "counter": 2, "status": 3}
FIELDS = {"value": 0, "min": 1, "max": 2, "increase": 3}


def series():
    found = {}
    for line in open(records):
        r = json.loads(line)["record"]
        for name, v in r["variables"].items():
            for field in FIELDS:
                for i, x in enumerate(v.get(field, [])):
                    element = str(i + 1) if len(v[field]) > 1 else "-"
                    key = (4, r["analyzer"], r["model"], name, v["unit"] or "-",
                           KINDS[v["kind"]], element, FIELDS[field])
                    found.setdefault(key, []).append((r["end_ms"], x))
    return found


with open("series.txt", "w") as f:
    for key, points in series().items():
        print(*key, file=f)
        for t, x in points:
            print(t, "nan" if x is None else repr(float(x)), file=f)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    n = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Handler.n += 1
        with open(f"request.{Handler.n}", "wb") as f:
            f.write(body)
        with open(f"request.{Handler.n}.headers", "w") as f:
            f.write(f"{self.path}\n{self.headers}")
        if self.headers["Authorization"] != f"Bearer {token}":
            return self.answer(401, b"no token", "text/plain", {})
        done = subprocess.run([program, "series.txt", limit], input=body, stdout=subprocess.PIPE)
        if done.returncode == 0:
            return self.answer(200, done.stdout, "application/x-protobuf",
                               {"Content-Encoding": "snappy"})
        status, _, said = done.stdout.partition(b" ")
        return self.answer(int(status or 500), said, "text/plain", {})

    def answer(self, status, body, kind, headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("ready", server.server_address[1], flush=True)
server.serve_forever()
