"""Servers behind the HTTP door that break the rules: a visitor gets a 502 or a broken connection,
never something that looks whole; and nobody else gets what such a server has left behind."""

import struct
import threading

import pytest
from h2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INTERNAL_ERROR,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WHOLE,
    H2,
    block,
    frame,
    get,
    headers,
    reset,
    window_update,
)
from harness import process
from harness.net import PATIENCE_S
from http_lab import OK, HttpDoor, Scripted, simple

POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


class Liar(Scripted):
    """Answers /lie with `lie` (text, or a function that gets the connection), and all else with
    the truth. After a lie it says no more; `dropped` is set when the door has closed it."""

    def __init__(self):
        self.arm("")
        super().__init__(self._answer)

    def arm(self, lie, close=False):
        self.lie, self.close = lie, close
        self.dropped = threading.Event()

    def _answer(self, connection, _number):
        while not connection.request().split(" ")[1] == "/lie":
            connection.send(OK)
        try:
            if callable(self.lie):
                self.lie(connection)
            else:
                connection.send(self.lie.encode("latin-1"))
            if not self.close:
                connection.rest()
        finally:
            self.dropped.set()


@pytest.fixture(scope="module")
def origin():
    with Liar() as server:
        yield server


@pytest.fixture(scope="module")
def door(tmp_path_factory, origin):
    first = process.marker()
    yield HttpDoor(tmp_path_factory.mktemp("door"), simple(origin.at))
    complaints = process.stop_and_forget(first)
    assert not complaints, complaints


def head(*lines, line="HTTP/1.1 200 OK", body=""):
    return line + "\r\n" + "".join(f"{each}\r\n" for each in lines) + "\r\n" + body


BAD_HEADS = {
    "two_digits": head("Content-Length: 0", line="HTTP/1.1 20 OK"),
    "four_digits": head("Content-Length: 0", line="HTTP/1.1 2000 OK"),
    "status_99": head("Content-Length: 0", line="HTTP/1.1 099 OK"),
    "status_600": head("Content-Length: 0", line="HTTP/1.1 600 OK"),
    "status_letters": head("Content-Length: 0", line="HTTP/1.1 2x0 OK"),
    "no_space_behind_status": head("Content-Length: 0", line="HTTP/1.1 200"),
    "http_2": head("Content-Length: 0", line="HTTP/2 200 OK"),
    "http_1_2": head("Content-Length: 0", line="HTTP/1.2 200 OK"),
    "icy": head("Content-Length: 0", line="ICY 200 OK"),
    "empty_line": "\r\n" + head("Content-Length: 0"),
    "space_in_front": head("Content-Length: 0", line=" HTTP/1.1 200 OK"),
    "tls": "\x15\x03\x03\x00\x02\x02\x46",
    "two_lengths": head("Content-Length: 2", "Content-Length: 44", body="ok" + POISON),
    "two_equal_lengths": head("Content-Length: 2", "Content-Length: 2", body="ok"),
    "list_of_lengths": head("Content-Length: 2, 2", body="ok"),
    "length_minus": head("Content-Length: -2", body="ok"),
    "length_beside_chunked": head("Content-Length: 2", "Transfer-Encoding: chunked",
                                  body="0\r\n\r\n"),
    "two_codings": head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
                        body="0\r\n\r\n"),
    "chunked_not_last": head("Transfer-Encoding: chunked, gzip", body="0\r\n\r\n"),
    "unknown_coding": head("Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"),
    "coding_in_1_0": head("Transfer-Encoding: chunked", line="HTTP/1.0 200 OK",
                          body="0\r\n\r\n"),
    "bare_lf": "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "bare_cr": head("X: a\rSet-Cookie: b", "Content-Length: 0"),
    "fold": head("X: a", " Set-Cookie: b", "Content-Length: 0"),
    "nul": head("X: a\0b", "Content-Length: 0"),
    "space_before_colon": head("Content-Length : 0"),
    "no_colon": head("X", "Content-Length: 0"),
    "too_long": head("X: " + "a" * 20_000, "Content-Length: 0"),
    "without_end": "HTTP/1.1 200 OK\r\nX: " + "a" * 20_000,
    "too_many_fields": head(*["X: 1"] * 101, "Content-Length: 0"),
    "unasked_101": head("Connection: Upgrade", "Upgrade: websocket",
                        line="HTTP/1.1 101 Switching Protocols", body=POISON),
    "behind_an_interim_one": head(line="HTTP/1.1 103 Early Hints") + head("X", line="HTTP/1.1 200"),
}


def others_are_served(door, origin):
    """Whoever comes next is answered with the truth, and the liar's connection is gone."""
    assert origin.dropped.wait(PATIENCE_S), "the connection to the liar was kept"
    with door.raw() as visitor:
        assert visitor.get("/next").answer().body == b"ok"


@pytest.mark.parametrize("case", BAD_HEADS)
def test_a_head_that_is_no_http(door, origin, case):
    origin.arm(BAD_HEADS[case])
    with door.raw() as visitor:
        answer = visitor.get("/lie").answer()
        assert answer.status == 502 and "poison" not in answer.text
        # The visitor has done nothing wrong, and his connection is as good as before.
        assert visitor.get("/again").answer().body == b"ok"
    others_are_served(door, origin)


EARLY_ENDS = {
    "at_once": "",
    "in_the_status_line": "HTTP/1.1 2",
    "in_the_head": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
    "behind_an_interim_one": "HTTP/1.1 103 Early Hints\r\n\r\n",
}


@pytest.mark.parametrize("case", EARLY_ENDS)
def test_an_early_end(door, origin, case):
    origin.arm(EARLY_ENDS[case], close=True)
    with door.raw() as visitor:
        visitor.send("GET /new HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert visitor.answer().status == 200
    with door.raw() as visitor:
        visitor.send("POST /lie HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        assert visitor.answer().status == 502
    others_are_served(door, origin)


BAD_BODIES = {
    "short": (head("Content-Length: 10"), "12345", True),
    "chunks_without_end": (head("Transfer-Encoding: chunked"), "5\r\n12345\r\n", True),
    "chunk_torn": (head("Transfer-Encoding: chunked"), "a\r\n12345", True),
    "chunk_size": (head("Transfer-Encoding: chunked"), "5\r\n12345\r\ng\r\n", False),
    "chunk_too_long": (head("Transfer-Encoding: chunked"), "5\r\n123456\r\n0\r\n\r\n", False),
    "chunk_lf": (head("Transfer-Encoding: chunked"), "5\r\n12345\n0\r\n\r\n", False),
    "trailers": (head("Transfer-Encoding: chunked"), "5\r\n12345\r\n0\r\nX : a\r\n\r\n", False),
}


def arm_body(origin, case, seen):
    """The head first; the broken body when the visitor has seen the head."""
    first, then, close = BAD_BODIES[case]

    def lie(connection):
        connection.send(first)
        assert seen.wait(PATIENCE_S)
        connection.send(then)

    origin.arm(lie, close)


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_breaks_off(door, origin, case):
    seen = threading.Event()
    arm_body(origin, case, seen)
    with door.raw() as visitor:
        answer = visitor.get("/lie").head()
        assert answer.status == 200
        seen.set()
        came = visitor.rest()
        if answer.get("content-length"):
            assert answer.get("content-length") == "10" and len(came) < 10
        else:
            assert not came.endswith(b"0\r\n\r\n"), "it looks whole"
    others_are_served(door, origin)


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_breaks_off_for_http2(door, origin, case):
    seen = threading.Event()
    arm_body(origin, case, seen)
    with H2(door.address) as visitor:
        visitor.send(headers(1, get("/lie")))
        assert visitor.status(1) == 200
        seen.set()
        assert visitor.reset_of(1) == INTERNAL_ERROR
        assert not any(kind == DATA and flags & END_STREAM for kind, flags, _, _ in visitor.seen)
        visitor.send(headers(3, get("/next")))
        assert visitor.body(3) == b"ok" and visitor.alive()


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_breaks_off_at_once(door, origin, case):
    """All of it in one piece: the head may go down with the body, or stand there without an end."""
    first, then, close = BAD_BODIES[case]
    origin.arm(first + then, close)
    with door.raw() as visitor:
        came = visitor.get("/lie").rest()
        assert not came.endswith(b"0\r\n\r\n") and not came.endswith(b"1234567890")
    others_are_served(door, origin)


SPLIT = {
    "behind_a_length": ("GET", head("Content-Length: 2", body="ok" + POISON)),
    "behind_chunks": ("GET", head("Transfer-Encoding: chunked", body="0\r\n\r\n" + POISON)),
    "one_octet": ("GET", head("Content-Length: 2", body="ok\n")),
    "body_of_head": ("HEAD", head("Content-Length: 44", body=POISON)),
    "body_of_204": ("GET", head(line="HTTP/1.1 204 No Content", body=POISON)),
    "body_of_304": ("GET", head("Content-Length: 44", line="HTTP/1.1 304 Not Modified",
                                body=POISON)),
}


@pytest.mark.parametrize("case", SPLIT)
def test_more_than_was_asked_for(door, origin, case):
    """Response splitting: what stands behind an answer is nobody's."""
    method, lie = SPLIT[case]
    origin.arm(lie)
    with door.raw() as visitor:
        answer = visitor.get("/lie", method=method).answer(method)
        assert answer.status in (200, 204, 304) and "poison" not in answer.text
        # Two more answers, and they stand where they should.
        assert visitor.get("/again").answer().body == b"ok"
        assert visitor.get("/again").answer().body == b"ok"
        assert visitor.kept == b""
    others_are_served(door, origin)


def test_octets_on_a_kept_connection(door, origin):
    """They come unasked, later: the connection is of no use any more."""
    answered = threading.Event()

    def lie(connection):
        connection.send(OK)
        assert answered.wait(PATIENCE_S)
        connection.send(POISON)

    origin.arm(lie)
    with door.raw() as visitor:
        assert visitor.get("/lie").answer().body == b"ok"
        answered.set()
        assert origin.dropped.wait(PATIENCE_S), "the connection was kept"
        assert visitor.get("/again").answer().body == b"ok"


def test_interim_answers_without_end(door, origin):
    """They are passed on, so without a bound they would fill our memory where a visitor is slow."""

    def lie(connection):
        while True:  # until it is reset
            connection.send("HTTP/1.1 103 Early Hints\r\nLink: <" + "a" * 1000 + ">\r\n\r\n")

    before = door.rss_octets()
    origin.arm(lie)
    with door.raw() as visitor:
        visitor.get("/lie")
        while (status := visitor.head().status) == 103:
            pass
        assert status == 502
    others_are_served(door, origin)
    origin.arm(lie)
    with H2(door.address) as visitor:
        visitor.send(headers(1, get("/lie")))
        visitor.until(lambda kind, flags, *_: kind == DATA and flags & END_STREAM, "the page")
        assert visitor.alive()
    others_are_served(door, origin)
    assert door.rss_octets() < before + 16_000_000


# --- HTTP/2 behind.


class H2Liar(Scripted):
    """Answers a stream with lie(its number), if one is armed, and all others as it should."""

    def __init__(self):
        self.lie = None
        super().__init__(self._answer)

    def _answer(self, connection, _number):
        assert connection.exactly(len(PREFACE)) == PREFACE
        connection.send(frame(SETTINGS) + frame(SETTINGS, ACK))
        while True:
            start = connection.exactly(9)
            connection.exactly(int.from_bytes(start[:3], "big"))
            stream = struct.unpack("!I", start[5:])[0]
            if start[3] == HEADERS:
                lie, self.lie = self.lie or truth, None
                connection.send(lie(stream))


def answer(stream, *more, flags=WHOLE):
    return headers(stream, [(":status", "200"), *more], flags)


def truth(stream):
    return answer(stream, flags=END_HEADERS) + frame(DATA, END_STREAM, stream, "ok")


H2_LIES = {
    "no_status": lambda s: headers(s, [("x", "a")]),
    "status_letters": lambda s: headers(s, [(":status", "2x0")]),
    "status_101": lambda s: headers(s, [(":status", "101")]),
    "status_4_digits": lambda s: headers(s, [(":status", "2000")]),
    "two_statuses": lambda s: answer(s, (":status", "200")),
    "request_pseudo": lambda s: answer(s, (":path", "/")),
    "upper_case": lambda s: answer(s, ("X-Upper", "a")),
    "crlf_in_value": lambda s: answer(s, ("x", "a\r\nset-cookie: b")),
    "lf_in_value": lambda s: answer(s, ("x", "a\nset-cookie: b")),
    "nul_in_value": lambda s: answer(s, ("x", "a\0b")),
    "crlf_in_name": lambda s: answer(s, ("x: a\r\nset-cookie", "b")),
    "connection": lambda s: answer(s, ("connection", "close")),
    "transfer_encoding": lambda s: answer(s, ("transfer-encoding", "chunked")),
    "two_lengths": lambda s: answer(s, ("content-length", "0"), ("content-length", "0")),
    "length_without_body": lambda s: answer(s, ("content-length", "5")),
    "interim_that_ends": lambda s: headers(s, [(":status", "103")]),
    "data_first": lambda s: frame(DATA, END_STREAM, s, "ok"),
    "head_too_large": lambda s: frame(
        HEADERS, END_STREAM, s, block([(":status", "200"), ("x", "a" * 15_000)]))
    + frame(CONTINUATION, END_HEADERS, s, block([("y", "a" * 15_000)])),
    "too_many_fields": lambda s: answer(s, *[("x", "1")] * 101),
    "interim_without_end": lambda s: headers(s, [(":status", "103")], END_HEADERS) * 1000
    + truth(s),
    "hpack_index": lambda s: frame(HEADERS, WHOLE, s, b"\xfe"),
    "frame_too_long": lambda s: frame(DATA, END_STREAM, s, "a" * 16_385),
    "push": lambda s: frame(5, END_HEADERS, s, struct.pack("!I", 2) + block(get())),
    "even_stream": lambda s: answer(s + 1),
    "unasked_stream": lambda s: answer(s + 98),
    "window_overflow": lambda s: window_update(0, 0x7fff_ffff),
    "window_by_nothing": lambda s: window_update(s, 0),
    "settings_wrong": lambda s: frame(SETTINGS, payload=b"\0\x04\xff\xff\xff\xff"),
    "reset": lambda s: reset(s, INTERNAL_ERROR),
    "no_http2": lambda s: head("Content-Length: 2", body="ok").encode(),
}

# The head is right, so it may have been passed on.
H2_BROKEN_BODIES = {
    "longer_than_it_says": lambda s: answer(s, ("content-length", "2"), flags=END_HEADERS)
    + frame(DATA, 0, s, "o") + frame(DATA, END_STREAM, s, "kok"),
    "shorter_than_it_says": lambda s: answer(s, ("content-length", "5"), flags=END_HEADERS)
    + frame(DATA, END_STREAM, s, "ok"),
    "reset": lambda s: answer(s, flags=END_HEADERS) + frame(DATA, 0, s, "ok") + reset(s),
    "bad_trailers": lambda s: answer(s, flags=END_HEADERS) + frame(DATA, 0, s, "ok")
    + headers(s, [("connection", "close")]),
}


@pytest.fixture(scope="module")
def h2_origin():
    with H2Liar() as server:
        yield server


@pytest.fixture(scope="module")
def h2_door(tmp_path_factory, h2_origin):
    first = process.marker()
    yield HttpDoor(tmp_path_factory.mktemp("door"), simple(h2_origin.at, protocol="h2"))
    complaints = process.stop_and_forget(first)
    assert not complaints, complaints


@pytest.mark.parametrize("case", H2_LIES)
def test_http2_lies(h2_door, h2_origin, case):
    with h2_door.raw() as visitor:
        assert visitor.get("/first").answer().body == b"ok"
        h2_origin.lie = H2_LIES[case]
        answer = visitor.get("/lie", method="POST").answer()
        assert answer.status == 502, answer
        assert visitor.get("/again").answer().body == b"ok"


@pytest.mark.parametrize("case", H2_BROKEN_BODIES)
def test_http2_bodies(h2_door, h2_origin, case):
    """It is a 502, or it is cut off; never does it end as if it were whole."""
    with H2(h2_door.address) as visitor:
        h2_origin.lie = H2_BROKEN_BODIES[case]
        visitor.send(headers(1, get("/lie", method="POST")))
        visitor.until(lambda kind, flags, stream, _: stream == 1 and
                      (kind == RST_STREAM or flags & END_STREAM), "the end")
        if not any(kind == RST_STREAM for kind, *_ in visitor.seen):
            assert visitor.status(1) == 502
        visitor.send(headers(3, get("/again")))
        assert visitor.body(3) == b"ok" and visitor.alive()
