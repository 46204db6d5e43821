"""Visitors and servers that say anything, in any pieces, and leave at any time: the door stays, and
keeps nothing of them. SALLYPORT_TEST_STORM=N: so many conversations of each visitor."""

import contextlib
import os
import random
import socket
import threading
import urllib.request

import h2.config
import h2.connection
import h2.exceptions
import pytest
from harness.net import wait_until
from harness.sallyport import toml
from http_lab import HttpDoor, Node, Scripted, listener, pool, route

CONVERSATIONS = int(os.environ.get("SALLYPORT_TEST_STORM", "60"))
VISITORS = 8
SIZES = (0, 1, 100, 5_000, 17_000, 70_000, 300_000)
PIECES = (1, 2, 7, 100, 1_000, 16_000, 16_384, 16_385, 300_000)


class Dice(random.Random):
    """What is said."""

    def often(self, share):
        return self.random() < share

    def field(self):
        name = self.choice((b"X-A", b"x_user", b"Cookie", b"TE", b"Connection", b"Via", b"Expect",
                            b"Forwarded", b"X-Forwarded-For", b"Upgrade", b"Trailer", b"Proxy",
                            b"N" * self.choice((1, 30, 300))))
        value = self.choice({b"Connection": (b"close", b"keep-alive", b"upgrade", b"X-A, TE"),
                             b"Expect": (b"100-continue", b"x"), b"TE": (b"trailers", b"gzip"),
                             b"Upgrade": (b"websocket", b"h2c", b"foo")}.get(
                                 name, (b"", b"v", b"v" * 200, b"v" * self.choice(SIZES[3:5]))))
        return name + b":" + self.choice((b" ", b"", b"\t ")) + value + b"\r\n"

    def fields(self):
        return b"".join(self.field() for _ in range(self.choice((0, 1, 3, 10))))

    def body(self):
        """(field that says how long it is, octets)."""
        content = self.randbytes(self.choice(SIZES))
        if self.often(0.4):
            return b"Content-Length: %d\r\n" % len(content), content
        if self.often(0.4):
            return b"", b""
        framed = b""
        while content:
            size = self.choice((1, 100, 5_000, 20_000))
            part, content = content[:size], content[size:]
            framed += b"%x%s\r\n%s\r\n" % (len(part), self.choice((b"", b";a=b")), part)
        trailers = self.choice((b"", b"", b"X-T: 1\r\n", b"X-User: z\r\n"))
        return b"Transfer-Encoding: chunked\r\n", framed + b"0\r\n" + trailers + b"\r\n"

    def spoilt(self, octets):
        spoilt = bytearray(octets)
        at = self.randrange(len(spoilt))
        spoilt[at:at + self.choice((0, 1, 2, 10))] = self.choice(
            (b"", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\x80", b"\r\n\r\n",
             b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"))
        return bytes(spoilt)

    def request(self):
        target = b"/" + self.choice((b"", b"a" * 100, b'"' * self.choice((10, 2_000, 8_000)),
                                     b"%2e/../x", b"h2/"))
        length, body = self.body()
        head = (b"\r\n" * self.choice((0, 0, 1, 2, 3))
                + self.choice((b"GET", b"POST", b"HEAD", b"PUT", b"FOO")) + b" " + target
                + self.choice((b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.0"))
                + b"\r\nHost: www.example.net\r\n" + length + self.fields() + b"\r\n")
        return (self.spoilt(head) if self.often(0.2) else head) + body

    def answer(self):
        status = self.choice((b"200 OK", b"204 No", b"304 Not", b"500 E", b"101 S"))
        switch = self.choice((b"websocket", b"foo", b"h2c"))
        length, body = self.body()
        interim = b"".join(b"HTTP/1.1 %s\r\nLink: x\r\nConnection: close\r\n\r\n"
                           % self.choice((b"100 C", b"103 E"))
                           for _ in range(self.choice((0, 0, 1, 20))))
        head = b"HTTP/1.1 " + status + b"\r\n" + length + self.fields()
        if status[:1] == b"1":
            head += b"Connection: upgrade\r\nUpgrade: " + switch + b"\r\n"
        octets = interim + head + b"\r\n" + body
        octets = self.spoilt(octets) if self.often(0.2) else octets
        return octets[:self.randrange(len(octets))] if self.often(0.1) else octets

    def send(self, connection, octets):
        while octets:
            size = self.choice(PIECES)
            connection.sendall(octets[:size])
            octets = octets[size:]

    def leave(self, connection):
        if self.often(0.3):
            connection.shutdown(socket.SHUT_WR)
        elif self.often(0.3):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if self.often(0.5):
            while connection.recv(65536):
                pass


def visit(dice, address):
    with socket.create_connection(address, 5) as connection:
        connection.settimeout(dice.choice((0.02, 0.2)))
        for _ in range(dice.choice((1, 1, 2, 5))):
            octets = dice.request()
            whole = dice.often(0.9)
            dice.send(connection, octets if whole else octets[:dice.randrange(len(octets))])
            if dice.often(0.5):
                with contextlib.suppress(TimeoutError):
                    connection.recv(dice.choice((10, 65_536)))
        dice.leave(connection)


def visit_by_http2(dice, address):
    config = h2.config.H2Configuration(validate_outbound_headers=False,
                                       normalize_outbound_headers=False)
    with socket.create_connection(address, 5) as connection:
        connection.settimeout(0.2)
        session = h2.connection.H2Connection(config)
        session.initiate_connection()
        for _ in range(dice.choice((1, 3, 10))):
            stream = session.get_next_available_stream_id()
            method = dice.choice(("GET", "POST", "HEAD", "CONNECT"))
            head = [(":method", method), (":scheme", "http"), (":authority", "www.example.net"),
                    (":path", dice.choice(("/", "/h2/x", "/" + '"' * 3_000)))]
            if method == "CONNECT":
                head.append((":protocol", dice.choice(("websocket", "h2c", "a,b"))))
            head += [(dice.choice(("x-a", "x_user", "cookie", "te", "n" * 3_000, "content-length")),
                      dice.choice(("", "5", "trailers", "v" * 5_000)))] * dice.choice((0, 1, 5))
            ends = dice.often(0.5)
            session.send_headers(stream, head, end_stream=ends)
            if not ends:
                session.send_data(stream, dice.randbytes(dice.choice((0, 1, 1_000, 16_000))))
                session.send_headers(stream, [("x-t", "1")], end_stream=True)
            connection.sendall(session.data_to_send())
            if dice.often(0.5):
                session.receive_data(connection.recv(65_536))
        dice.leave(connection)


def storm(dice, address, kind):
    for _ in range(CONVERSATIONS):
        # What the door thinks of it, it says by ending streams and connections.
        with contextlib.suppress(OSError, h2.exceptions.H2Error):
            kind(dice, address)


def connections(door):
    host, port = door.admin
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10) as reply:
        text = reply.read().decode()
    return sum(int(line.rpartition(" ")[2]) for line in text.splitlines()
               if line.startswith("sallyport_http_connections{"))


@pytest.mark.parametrize("seed", range(3))
def test_the_door_stays(tmp_path, seed):
    def script(connection, number):
        dice = Dice(seed * 1_000_003 + number)
        while connection.more():
            if dice.often(0.1):
                return
            dice.send(connection.socket, dice.answer())

    origin = Node(tmp_path)
    with Scripted(script) as server, Scripted(script) as other:
        short = {"response_timeout": "2s", "connect_timeout": "1s", "max_fails": 0}
        door = HttpDoor(tmp_path, toml({
            "http": {"max_header_octets": ("16KiB", "64KiB", "8KiB")[seed], "access_log": True,
                     "header_timeout": "2s", "body_timeout": "2s", "send_timeout": "2s",
                     "keep_alive_timeout": "2s", "max_buffer_memory": "32MiB"},
            "admin": {"listen": "127.0.0.1:0"}}) + listener()
            + pool("good", [origin.at()]) + route(path_prefix="/echo", pool="good")
            + pool("h2", [server.at], protocol="h2", **short) + route(path_prefix="/h2", pool="h2")
            + pool("any", [server.at, other.at], **short)
            + route(pool="any", max_request_body=200_000, max_response_body=200_000,
                    request_headers=["set X-User: {user}", "add X-U: " + 8 * "{uri}"],
                    response_headers=["set X-A: " + 4 * "{uri}", "remove X-S"]))
        kinds = [visit_by_http2 if number % 4 == 3 else visit for number in range(VISITORS)]
        visitors = [
            threading.Thread(target=storm, args=(Dice(seed * 100 + number), door.address, kind))
            for number, kind in enumerate(kinds)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        assert door.curl("/echo").status == 200
        wait_until(lambda: connections(door) == 0, lambda: f"{connections(door)} to be let go")
        assert door.running()
