"""What the HTTP door tells of a request that went wrong, and what it does not keep for ever."""

import json
import socket
import threading
import urllib.request

import pytest
from h2_visitor import H2Visitor
from harness.net import free_port, loopback_address
from harness.sallyport import toml
from http_lab import Authority, HttpDoor, Node, Raw, Scripted, listener, pool, route
from test_http_access_log import accesses
from test_http_upgrade import HANDSHAKE

WITH_LOG = toml({"http": {"access_log": True}, "admin": {"listen": "127.0.0.1:0"}})


def upstreams(door):
    host, port = door.admin
    with urllib.request.urlopen(f"http://{host}:{port}/status", timeout=10) as reply:
        return json.load(reply)["http"]["upstreams"]


def switching(connection, _number):
    """A server that takes a WebSocket, sends back what came when that has ended, and never ends by
    itself."""
    connection.until("\r\n\r\n")
    connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                    "Upgrade: websocket\r\n\r\n")
    connection.send(connection.rest() + b" more")
    threading.Event().wait()


# --- Tunnels whose visitor is gone --------------------------------------------------------------


def test_a_tunnel_that_its_visitor_has_ended_ends(tmp_path):
    with Scripted(switching) as server:
        door = HttpDoor(tmp_path, WITH_LOG + listener() + route(pool="app")
                        + pool("app", [server.at], response_timeout="1s"))
        visitor = door.raw().get("/ws", *HANDSHAKE)
        assert visitor.head().status == 101
        visitor.send("some").socket.shutdown(socket.SHUT_WR)
        assert visitor.until(" more") == b"some more"  # what is on its way to him still comes
        assert visitor.ends()
        assert accesses(door, 1)[0]["outcome"] == "cut_off"


def test_so_does_one_over_http2(tmp_path):
    with Scripted(switching) as server:
        door = HttpDoor(tmp_path, WITH_LOG + listener() + route(pool="app")
                        + pool("app", [server.at], response_timeout="1s"))
        visitor = H2Visitor(door.address)
        stream = visitor.ask("/ws", method="CONNECT", protocol="websocket", end=True)
        visitor.until(lambda: stream in visitor.resets, "the stream to be reset")
        assert accesses(door, 1)[0]["outcome"] == "cut_off"


# --- Why a visitor got a 502 --------------------------------------------------------------------


def refused(_tmp_path):
    host = loopback_address()
    return [f"{host}:{free_port(host, socket.SOCK_STREAM)}"], {}


def untrusted(tmp_path):
    certificate, key = Authority(tmp_path / "other").certificate("app.example.net")
    origin = Node(tmp_path, {"a": {"kind": "https", "cert": str(certificate), "key": str(key)}})
    ours = Authority(tmp_path / "ours").ca_file
    return [origin.at()], {"tls": True, "ca_file": str(ours), "server_name": "app.example.net"}


@pytest.mark.parametrize("server, failure, detail", [
    (refused, "upstream refused the connection", ""),
    (untrusted, "TLS with the upstream failed", ": "),
])
def test_a_server_that_fails_is_told_of(tmp_path, server, failure, detail):
    servers, more = server(tmp_path)
    door = HttpDoor(tmp_path / "door", WITH_LOG + listener() + route(pool="app")
                    + pool("app", servers, **more))
    assert door.curl("/").status == 502
    door.wait_log(f"http: {servers[0]} of the pool app: {failure}{detail}")
    line = accesses(door, 1)[0]
    assert (line["pool"], line["server"], line["failure"]) == ("app", servers[0], failure)
    assert door.curl("/").status == 502
    accesses(door, 2)
    assert door.err().count("of the pool app") == 1  # not a line for each request
    state = upstreams(door)[0]
    assert state["state"] == "up" and state["reason"] not in ("good", "not known yet")


def test_a_server_that_works_again_is_no_longer_blamed(tmp_path):
    def script(connection, number):
        connection.until("\r\n\r\n")
        if number > 1:
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").rest()

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, WITH_LOG + listener() + route(pool="app")
                        + pool("app", [server.at]))
        assert door.curl("/").status == 502
        assert upstreams(door)[0]["reason"] == "connection reset"
        assert door.curl("/").status == 200
        assert upstreams(door)[0]["reason"] == "not known yet"
        line = accesses(door, 2)[1]
        assert line["server"] == server.at and "failure" not in line


def test_the_server_that_answered_is_told_with_why_the_other_did_not(tmp_path):
    origin = Node(tmp_path)
    servers, _ = refused(tmp_path)
    door = HttpDoor(tmp_path, WITH_LOG + listener() + route(pool="app")
                    + pool("app", [*servers, origin.at()], balance="first"))
    assert door.curl("/").status == 200
    line = accesses(door, 1)[0]
    assert line["server"] == origin.at()
    assert line["failure"] == "upstream refused the connection"


# --- Ends and names -----------------------------------------------------------------------------


def test_what_a_stop_cuts_off_has_its_line(tmp_path):
    with Scripted(switching) as server:
        door = HttpDoor(tmp_path, WITH_LOG + listener() + route(pool="app")
                        + pool("app", [server.at]))
        visitor = door.raw().get("/ws", *HANDSHAKE)
        assert visitor.head().status == 101
        assert door.terminate_and_wait() == 0
        assert [(line["path"], line["outcome"]) for line in accesses(door, 1)] == [
            ("/ws", "cut_off")]


def test_an_unknown_visitor_has_no_address(tmp_path):
    origin = Node(tmp_path)
    proxy = "127.70.0.7"
    door = HttpDoor(tmp_path, toml({"http": {"trusted_proxies": [proxy]}}) + listener()
                    + route(pool="app", request_headers=["set X-Visitor: {visitor}"])
                    + pool("app", [origin.at()]))
    with Raw(door.address, source=(proxy, 0)) as visitor:
        echo = visitor.get("/echo", "X-Forwarded-For: nonsense").answer()
    sent = dict(echo.json()["headers"])
    assert sent["x-visitor"] == "unknown" == sent["x-forwarded-for"]
