"""What some visitors do must not end the HTTP door, nor take it from the others."""

import contextlib
import re
import socket
import threading

import pytest
from gate_lab import GateDoor
from h2_frames import PREFACE, get, headers, setting, window_update
from harness.net import free_port, loopback_address, wait_until
from harness.sallyport import toml
from http_lab import HttpDoor, Node, Scripted, listener, pool, route, simple
from test_http_upgrade import HANDSHAKE

MIB = 1 << 20


def big_buffers(visitor):
    visitor.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MIB)
    return visitor


def test_much_and_an_end_behind_it_go_through_a_tunnel(tmp_path):
    """The end waits for what came before it, which waits for a server that does not read."""
    content, may_read = b"z" * 3 * MIB, threading.Event()

    def script(connection, _number):
        connection.until("\r\n\r\n")
        connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                        "Upgrade: websocket\r\n\r\n")
        may_read.wait()
        connection.send(f"{len(connection.rest())} octets")

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, listener() + route(path_prefix="/ping", respond=204)
                        + pool("app", [server.at]) + route(pool="app"))
        visitor = big_buffers(door.raw()).get("/ws", *HANDSHAKE)
        assert visitor.head().status == 101
        sender = threading.Thread(target=lambda: (
            visitor.send(content), visitor.socket.shutdown(socket.SHUT_WR)))
        sender.start()
        for _ in range(3):  # turns in which the door could do it wrong
            assert door.curl("/ping").status == 204
        may_read.set()
        assert visitor.rest() == f"{len(content)} octets".encode()
        sender.join()
    assert door.running()


def test_pipelined_requests_without_end(tmp_path):
    """131,072 requests may be under way at a time; nobody gets that many by not reading answers."""
    door = HttpDoor(tmp_path, listener() + route(respond=204, path_prefix="/")
                    + toml({"http": {"max_requests_per_connection": 1_000_000}}))
    before = door.rss_octets()
    crowd = [big_buffers(door.raw()) for _ in range(48)]
    request = b"HEAD / HTTP/1.1\r\nHost: b\r\n\r\n"
    for visitor in crowd:
        visitor.socket.setblocking(False)
        visitor.sent = 0
    wanted = request * 6_000

    def push():
        """True once nobody's octets are taken any more."""
        moved = 0
        for visitor in crowd:
            try:
                moved += (sent := visitor.socket.send(wanted[visitor.sent % len(request):]))
                visitor.sent += sent
            except BlockingIOError:
                continue
        return moved == 0

    wait_until(push, "the door to take no more")
    assert door.curl("/").status == 204
    assert door.rss_octets() - before < 128 * MIB
    # Who reads gets all his answers.
    first = crowd[0]
    first.socket.settimeout(30)
    for _ in range(first.sent // len(request)):
        assert first.head().status == 204


def test_a_body_goes_on_to_the_next_server(tmp_path):
    """It was held up while the first was being connected to; the second is connected already."""
    host = loopback_address()
    dead = f"{host}:{free_port(host, socket.SOCK_STREAM)}"
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(dead, origin.at(), balance="first", max_fails=0))
    assert door.curl("/echo").status == 200
    assert origin.stats("a")["connections"] == 1
    answer = door.curl("/echo", "-X", "POST", data=b"x" * 100_000)
    assert answer.status == 200 and answer.json()["body"]["octets"] == 100_000


@pytest.mark.parametrize("drip", [False, True])
def test_closed_windows_keep_no_buffers_from_others(tmp_path, drip):
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, toml({"http": {"max_buffer_memory": "16MiB"}}) + listener()
                    + route(pool="app") + pool("app", [origin.at()]))
    hoarders = []
    for _ in range(8):
        visitor = door.raw()
        visitor.send(PREFACE + setting(4, 0) + b"".join(
            headers(1 + 2 * n, get("/bytes?n=300000")) for n in range(100)))
        hoarders.append(visitor)
    wait_until(lambda: len(origin.requests()) >= 100, "the hoarders' requests to arrive")
    for visitor in hoarders if drip else ():
        with contextlib.suppress(ConnectionError):  # some have been cut off
            visitor.send(window_update(1, 1))
    for _ in range(20):
        assert door.curl("/bytes?n=300000").status == 200
    assert door.running()


def test_a_reload_without_the_keys_of_cookies(tmp_path):
    door = GateDoor(tmp_path, gate={"cookie_keys": "0123456789abcdef" * 4})
    door.reload(re.sub("cookie_keys = .*\n", "", door.text))
    assert door.curl("/.sallyport/visit").status < 500
    assert door.running()
