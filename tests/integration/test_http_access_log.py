"""What is left behind of who was let in and why: the access log, the grants' lines, the metrics.
And of no secret."""

import os
import urllib.request

import pytest
from harness.net import wait_until
from harness.sallyport import toml
from http_lab import HttpDoor, Node, Raw, listener, pool, route
from test_http_grants import grant, open_for

STRANGER, ALICE = "127.60.0.1", "127.60.0.2"
SECRET = "hunter2-of-the-tests"


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path)


def config(origin, *whitelists, access_log=True):
    text = toml({"http": {"control_socket": "control.sock", "access_log": access_log},
                 "admin": {"listen": "127.0.0.1:0"}}) + listener()
    for policy in ("open", "whitelisted", "second_factor", "deny"):
        text += route(name=f"{policy}-route", path_prefix=f"/{policy}", strip_prefix=f"/{policy}",
                      policy=policy, pool="app", hosts=["www.example.net"])
    return text + pool("app", [origin.at()]) + toml({"http.whitelist": [*whitelists]})


def ask(door, source, path, *lines, **more):
    with Raw(door.address, source=(source, 0)) as visitor:
        return visitor.get(path, *lines, "Connection: close", **more).answer()


def accesses(door, count):
    def lines():
        return [line for line in door.log_lines() if line.get("event") == "request"]

    return wait_until(lambda: len(lines()) >= count and lines(), lambda: f"{count}: {lines()}")


def metrics(door):
    host, port = door.admin
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    return {name: float(value) for name, _, value in
            (line.rpartition(" ") for line in lines if line.startswith("sallyport_http"))}


def test_a_line_for_each_request(tmp_path, origin):
    door = HttpDoor(tmp_path, config(origin))
    number = open_for(door, ALICE, "alice")
    assert ask(door, ALICE, "/second_factor/bytes?n=12345").status == 200
    assert ask(door, STRANGER, "/second_factor/x", method="POST").status == 401
    assert ask(door, STRANGER, "/open/status?code=204").status == 204
    assert ask(door, STRANGER, "/deny").status == 403
    assert ask(door, STRANGER, "/nowhere").status == 404
    lines = accesses(door, 5)
    told = [(line["visitor"], line["method"], line["path"], line["status"], line["admission"],
             line["route"]) for line in lines]
    assert told == [
        (ALICE, "GET", "/second_factor/bytes", 200, "granted", "second_factor-route"),
        (STRANGER, "POST", "/second_factor/x", 401, "gate", "second_factor-route"),
        (STRANGER, "GET", "/open/status", 204, "open", "open-route"),
        (STRANGER, "GET", "/deny", 403, "denied", "deny-route"),
        (STRANGER, "GET", "/nowhere", 404, "none", ""),
    ]
    assert lines[0]["user"] == "alice" and lines[0]["grant"] == int(number)
    assert lines[0]["response_octets"] == 12345 and lines[0]["peer"].startswith(ALICE + ":")
    assert all(line["outcome"] == "answered" and line["host"] == "www.example.net"
               and line["level"] == "info" and line["shard"] == 0 for line in lines)
    assert not any("user" in line or "grant" in line for line in lines[1:])
    door.reload(config(origin, access_log=False))
    ask(door, STRANGER, "/open/echo")
    door.reload(config(origin))
    ask(door, STRANGER, "/open/last")
    assert [line["path"] for line in accesses(door, 6)][5:] == ["/open/last"]


def test_the_longest_prefix_names_the_whitelist(tmp_path, origin):
    (tmp_path / "narrow").write_text("127.61.1.0/24\n127.61.9.0/24\n")
    lists = ({"name": "wide", "addresses": ["127.61.0.0/16", "127.61.1.1/32"]},
             {"name": "narrow", "file": "narrow"},
             {"name": "twice", "addresses": ["127.61.9.0/24"]})
    door = HttpDoor(tmp_path, config(origin, *lists))
    named = {"127.61.2.1": "wide", "127.61.1.2": "narrow", "127.61.1.1": "wide",
             "127.61.9.1": "narrow"}  # of two lists with the same prefix the first
    for source in named:
        assert ask(door, source, "/whitelisted/echo").status == 200
    lines = accesses(door, len(named))
    assert {line["visitor"]: line["whitelist"] for line in lines} == named
    assert all(line["admission"] == "whitelisted" for line in lines)
    # Whoever has a grant as well comes by the whitelist: that does not end.
    open_for(door, "127.61.2.1", "alice")
    assert ask(door, "127.61.2.1", "/second_factor/echo").status == 200
    assert accesses(door, 5)[4]["whitelist"] == "wide" and "user" not in accesses(door, 5)[4]


def test_how_a_request_ended(tmp_path, origin):
    door = HttpDoor(tmp_path, config(origin))
    number = open_for(door, ALICE, "alice", "--reason", "on call")
    with Raw(door.address, source=(ALICE, 0)) as visitor:
        visitor.get("/second_factor/sse?key=x").until("data: 0\n\n")
        grant(door, "revoke", number)
        visitor.rest()
    with Raw(door.address) as visitor:
        visitor.get("/open/sse?key=y").until("data: 0\n\n")
    lines = accesses(door, 2)
    assert [(line["status"], line["outcome"], line["admission"]) for line in lines] == [
        (200, "access_ended", "granted"), (200, "visitor_left", "open")]
    open_for(door, ALICE, "alice", "--for", "5s")
    open_for(door, ALICE, "alice", "--for", "6s")
    door.wait_log("grant_expired")
    opened, ended, *rest = (line for line in door.log_lines() if line["component"] == "audit")
    operator = f"operator uid={os.geteuid()}"
    assert opened == {"time": opened["time"], "level": "info", "component": "audit",
                      "event": "grant_opened", "grant": int(number), "user": "alice",
                      "address": ALICE, "by": "operator", "until": opened["until"],
                      "who": operator, "detail": "on call"}
    assert opened["until"] > opened["time"]
    assert (ended["event"], ended["grant"], ended["who"]) == ("grant_ended", int(number), operator)
    assert [(line["event"], line["who"]) for line in rest] == [
        ("grant_opened", operator), ("grant_extended", operator), ("grant_expired", "time")]


def test_what_is_counted(tmp_path, origin):
    door = HttpDoor(tmp_path, config(origin), shards=2)
    number = open_for(door, ALICE, "alice")
    for source, path, count in ((STRANGER, "/open/echo", 3), (ALICE, "/second_factor/echo", 2),
                                (STRANGER, "/second_factor/echo", 4), (STRANGER, "/deny", 5)):
        for _ in range(count):
            ask(door, source, path)
    # An answer is counted when its last octet has left, which the visitor may have before.
    counted = wait_until(lambda: (now := metrics(door)) and now[
        'sallyport_http_answers_total{status="4xx"}'] == 9 and now[
        'sallyport_http_answers_total{status="2xx"}'] == 5 and now, lambda: f"{metrics(door)}")
    for admission, count in {"open": 3, "granted": 2, "gate": 4, "denied": 5,
                             "whitelisted": 0}.items():
        assert counted[f'sallyport_http_admissions_total{{admission="{admission}"}}'] == count
    assert counted["sallyport_http_requests_total"] == 14
    assert counted['sallyport_http_answers_total{status="2xx"}'] == 5
    assert counted['sallyport_http_answers_total{status="4xx"}'] == 9
    assert counted["sallyport_http_grants"] == 1
    with Raw(door.address, source=(ALICE, 0)) as visitor:
        visitor.get("/second_factor/sse?key=x").until("data: 0\n\n")
        grant(door, "revoke", number)
        visitor.rest()
    wait_until(lambda: metrics(door)["sallyport_http_access_ended_total"] == 1, "it is counted")
    assert metrics(door)["sallyport_http_grants"] == 0


def test_no_secret_and_no_second_line(tmp_path, origin):
    door = HttpDoor(tmp_path, config(origin))
    open_for(door, ALICE, "alice")
    lines = (f"Authorization: Bearer {SECRET}", f"Cookie: session={SECRET}",
             f"X-Api-Key: {SECRET}", f"Proxy-Authorization: Basic {SECRET}")
    for path in (f"/second_factor/echo?token={SECRET}", f"/open/echo?password={SECRET}",
                 f"/deny?{SECRET}", f"/nowhere?{SECRET}"):
        for source in (ALICE, STRANGER):
            ask(door, source, path, *lines)
    with Raw(door.address) as visitor:
        body = f"password={SECRET}"
        visitor.send("POST /open/echo HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n{body}").answer()
    ask(door, STRANGER, "/open/%0d%0a%22%7d%1b[2J/\"'{}")
    assert len(accesses(door, 9)) >= 9
    with Raw(door.address) as visitor:
        visitor.send(f"GET / HTTP/1.1\r\nHost: {SECRET} {SECRET}\r\n\r\n").answer()
    assert door.terminate_and_wait() == 0
    assert SECRET not in door.output()
    assert all(line.startswith("{") for line in door.err().splitlines())
    door.log_lines()  # each of them is JSON
