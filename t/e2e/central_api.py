# SPDX-License-Identifier: Apache-2.0
"""Calls of /api/v1 of a tesla-central, for its tests."""
import http.client
import io
import json
import os
import urllib.parse

import msgpack

JSON, MSGPACK, CSV = "application/json", "application/msgpack", "text/csv"


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        self.type = (self.headers.get("Content-Type") or "").split(";")[0]

    def values(self):
        """All values of a MessagePack answer."""
        return list(msgpack.Unpacker(io.BytesIO(self.body), strict_map_key=False))

    def value(self):
        if self.type == MSGPACK:
            [value] = self.values()
            return value
        return json.loads(self.body)


class Api:
    """One caller, on one connection: with a token, or, once signed in, with a cookie."""

    def __init__(self, token=None):
        self.token, self.cookie, self.csrf = token, None, None
        url = urllib.parse.urlsplit(os.environ["URL"])
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)

    def call(self, method, path, body=None, form=JSON, headers=()):
        h = dict(headers)
        h.setdefault("Accept", form)
        if self.token:
            h.setdefault("Authorization", "Bearer " + self.token)
        if self.cookie:
            h.setdefault("Cookie", self.cookie)
        if self.csrf:
            h.setdefault("X-CSRF-Token", self.csrf)
        if body is not None and not isinstance(body, bytes):
            h.setdefault("Content-Type", MSGPACK if form == MSGPACK else JSON)
            body = msgpack.packb(body) if form == MSGPACK else json.dumps(body).encode()
        try:
            self.connection.request(method, path, body, h)
            return Answer(self.connection.getresponse())
        except (http.client.HTTPException, ConnectionError):
            self.connection.close()
            self.connection.request(method, path, body, h)
            return Answer(self.connection.getresponse())

    def get(self, path, **query):
        query = urllib.parse.urlencode(query, doseq=True)
        answer = self.call("GET", path + ("?" + query if query else ""))
        assert answer.status == 200, (path, query, answer.status, answer.body[:300])
        return answer

    def sign_in(self, name, password, **more):
        self.cookie = self.csrf = None
        answer = self.call("POST", "/api/v1/session", {"name": name, "password": password}, **more)
        if answer.status == 200:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
            self.csrf = answer.value()["csrf"]
        return answer


def expect(what, got, want):
    assert got == want, f"{what}: {got!r}, expected {want!r}"


def says(what, answer, status, text):
    """An error is a map with one sentence."""
    expect(what, answer.status, status)
    value = answer.value()
    expect(what, list(value), ["error"])
    assert text in value["error"], f"{what}: {value['error']!r}, expected {text!r} in it"
