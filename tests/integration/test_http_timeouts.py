"""Each phase has an end: what a visitor gets when his time is up, and what an upstream's silence
makes of a request. Small settings; a test waits for what they bring, and measures nothing."""

import socket
import threading

import pytest
from harness import wait_until
from harness.sallyport import toml
from http_lab import OK, Authority, HttpDoor, Node, Scripted, listener, pool, route, simple

SHORT = "200ms"


def with_http(text, **settings):
    return toml({"http": settings}) + text


def serves(connection, _number):
    while True:
        connection.request()
        connection.send(OK)


@pytest.fixture
def server():
    with Scripted(serves) as scripted:
        yield scripted


# --- Visitors --------------------------------------------------------------------------------


def tls_listener(folder):
    certificate, key = Authority(folder).certificate("www.example.net")
    return listener(tls=True) + toml({"http.certificate": [
        {"certificate_file": str(certificate), "key_file": str(key)}]})


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_tls_handshake_that_is_not_made(tmp_path, server, sent):
    door = HttpDoor(tmp_path, with_http(
        tls_listener(tmp_path / "ca") + pool("app", [server.at]) + route(pool="app"),
        tls_handshake_timeout=SHORT))
    with door.raw() as visitor:
        assert visitor.send(sent).ends()


@pytest.mark.parametrize("http2,sent", [(True, "GET / HTTP/1.1\r\nHost: www.exa"),
                                        (True, "POST"), (False, "P")])
def test_a_head_that_does_not_end(tmp_path, server, http2, sent):
    door = HttpDoor(tmp_path, with_http(
        listener(http2=http2) + pool("app", [server.at]) + route(pool="app"),
        header_timeout=SHORT))
    with door.raw() as visitor:
        answer = visitor.send(sent).answer()
        assert answer.status == 408 and answer.get("connection") == "close"
        assert visitor.ends()
    assert server.heads == []


def test_a_second_head_that_does_not_end(tmp_path, server):
    door = HttpDoor(tmp_path, with_http(simple(server.at), header_timeout=SHORT))
    with door.raw() as visitor:
        assert visitor.get().answer().status == 200
        assert visitor.send("GET /again HTTP/1.1\r\n").answer().status == 408
        assert visitor.ends()


def test_a_head_that_trickles(tmp_path, server):
    """The time is that of the whole head: an octet now and then does not lengthen it."""
    door = HttpDoor(tmp_path, with_http(simple(server.at), header_timeout="500ms"))
    with door.raw() as visitor:
        visitor.send("GET / HTTP/1.1\r\nX: ")
        visitor.socket.settimeout(0.1)
        for _ in range(200):
            try:
                if not visitor.more() or b"\r\n\r\n" in visitor.kept:
                    break
            except TimeoutError:
                visitor.send("x")
        assert visitor.kept.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_pauses(tmp_path):
    with Scripted(lambda connection, _: (connection.request(), connection.rest())) as origin:
        door = HttpDoor(tmp_path, with_http(simple(origin.at), body_timeout=SHORT))
        for framing, first in ("Content-Length: 10", "half"), ("Transfer-Encoding: chunked",
                                                              "4\r\nhalf\r\n"):
            with door.raw() as visitor:
                answer = visitor.get("/", framing, method="POST").send(first).answer()
                assert answer.status == 408 and answer.get("connection") == "close"
                assert visitor.ends()


def test_a_body_that_never_begins(tmp_path):
    with Scripted(lambda connection, _: (connection.request(), connection.rest())) as origin:
        door = HttpDoor(tmp_path, with_http(simple(origin.at), body_timeout=SHORT))
        with door.raw() as visitor:
            assert visitor.get("/", "Content-Length: 10", method="POST").answer().status == 408


def test_a_visitor_who_takes_nothing(tmp_path):
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, with_http(simple(origin.at()), send_timeout=SHORT))
    with door.raw() as visitor:
        visitor.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        visitor.get("/bytes?n=100000000")
        # Both sides are let go of: the server's answer is not read to its end for nobody.
        wait_until(lambda: origin.stats("a")["requests"], "the request")
        wait_until(lambda: origin.stats("a")["open"] == 0, "the server's connection ends")
        assert len(visitor.rest()) < 100_000_000


def test_a_slow_visitor_who_takes_a_little_is_served(tmp_path):
    """The pause counts, not the whole."""
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, with_http(simple(origin.at(), response_timeout="3s"),
                                        send_timeout="3s"))
    with door.raw() as visitor:
        visitor.get("/bytes?n=3000000")
        paused = threading.Event()
        assert visitor.head().status == 200
        left = 3_000_000
        for _ in range(10):
            left -= len(visitor.exactly(min(50_000, left)))
            paused.wait(0.4)
        assert len(visitor.exactly(left)) == left


@pytest.mark.parametrize("requests", [0, 1])
def test_a_connection_without_a_request(tmp_path, server, requests):
    """Closed without a word: there is no request that a 408 would be for."""
    door = HttpDoor(tmp_path, with_http(
        listener(http2=False) + pool("app", [server.at]) + route(pool="app"),
        keep_alive_timeout="1s"))
    with door.raw() as visitor:
        for _ in range(requests):
            assert visitor.get().answer().status == 200
        assert visitor.ends()


@pytest.mark.parametrize("sent,setting", [("", "keep_alive_timeout"), ("PRI", "header_timeout")])
def test_not_enough_is_said_to_tell_http2_from_http1(tmp_path, server, sent, setting):
    """Closed without a word: it is not known what to answer in."""
    door = HttpDoor(tmp_path, with_http(simple(server.at), **{setting: SHORT}))
    with door.raw() as visitor:
        assert visitor.send(sent).ends()


# --- Upstreams -------------------------------------------------------------------------------


def test_no_answer_in_time(tmp_path):
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(origin.at(), response_timeout=SHORT))
    assert door.curl("/hang?key=never").status == 504
    # The server may stop working on it.
    wait_until(lambda: origin.stats("a")["open"] == 0, "its connection is closed")


def test_an_answer_that_has_begun_may_pause(tmp_path):
    """Its head came in time: who streams events says nothing for as long as nothing happens."""
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(origin.at(), response_timeout="2s"))
    with door.raw() as visitor:
        assert visitor.get("/stall?key=later").head().status == 200
        threading.Event().wait(3)
        origin.go("later")
        assert visitor.until("0\r\n\r\n").endswith(b"ended\r\n0\r\n\r\n")


def test_an_answer_after_a_long_upload_has_its_whole_time(tmp_path):
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, simple(origin.at(), response_timeout="5s"))
    pause = threading.Event()
    with door.raw() as visitor:
        visitor.get("/hang?key=late", "Content-Length: 9", method="POST")
        for _ in range(9):
            visitor.send("x")
            pause.wait(0.5)
        # The time since the request began is nearly over when it ends, and over with the answer.
        pause.wait(2)
        origin.go("late")
        assert visitor.answer().body == b"went on"


@pytest.mark.parametrize("kind", ["http1", "h2c"])
def test_an_upload_that_nobody_takes(tmp_path, kind):
    origin = Node(tmp_path, {"a": {"kind": kind}})
    door = HttpDoor(tmp_path, simple(origin.at(), response_timeout="300ms",
                                     protocol="h2" if kind == "h2c" else "http1"))
    with door.raw() as visitor:
        visitor.get("/sink?key=never", "Content-Length: 100000000", method="POST")
        sender = threading.Thread(target=send_much, args=(visitor.socket,), daemon=True)
        sender.start()
        assert visitor.answer().status == 504


def send_much(sock):
    try:
        for _ in range(1000):
            sock.sendall(b"x" * 100_000)
    except OSError:
        pass


def test_a_tunnel_has_no_time_out_of_its_own(tmp_path):
    origin = Node(tmp_path)
    door = HttpDoor(tmp_path, with_http(
        simple(origin.at(), response_timeout="1s"), body_timeout="1s", send_timeout="1s",
        keep_alive_timeout="1s", header_timeout="1s"))
    with door.raw() as visitor:
        visitor.get("/", "Connection: upgrade", "Upgrade: echo")
        assert visitor.head().status == 101
        for _ in range(2):
            threading.Event().wait(1.2)
            assert visitor.send("still here").exactly(10) == b"still here"
