"""Connections at the HTTP door: as many as there may be, idle ones by the thousand, floods, the end
and the way back after it."""

import contextlib
import os
import resource
import signal
import socket
import ssl

import pytest
from harness.net import PATIENCE_S, is_bound, loopback_address, wait_until
from harness.sallyport import toml
from http_lab import Authority, HttpDoor, Node, Raw, listener, pool, route, sanitized, simple

UP = route(respond=200, respond_body="up\n")


def up(door, number=0, **options):
    with door.raw(number, **options) as visitor:
        return visitor.get().answer().text == "up\n"


def is_up(door):
    """Also where the connection is not taken, or cut at once."""
    with contextlib.suppress(OSError, AssertionError):
        return up(door)
    return False


def many(address, count):
    """Connections of so many visitors. A closed list of them all is the caller's to close."""
    return [socket.create_connection(address, PATIENCE_S) for _ in range(count)]


def alive(connection):
    """Whether the other side still holds it."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        try:
            return connection.recv(1) != b""
        except ConnectionError:
            return False
    return True


# --- How many --------------------------------------------------------------------------------


def test_max_connections(tmp_path):
    door = HttpDoor(tmp_path, toml({"http": {"max_connections": 16}}) + listener() + UP)
    held = [door.raw() for _ in range(16)]
    for visitor in held:
        assert visitor.get().answer().text == "up\n"
    for _ in range(4):  # closed at once, without a word
        with contextlib.suppress(ConnectionResetError), door.raw() as further:
            assert further.ends()
    for visitor in held:
        assert visitor.get().answer().text == "up\n"
    held.pop().close()
    wait_until(lambda: is_up(door), "the place that got free")
    for visitor in held:
        visitor.close()


def test_no_descriptors_left(tmp_path):
    """Whoever comes then waits until there are, and those inside go on."""
    if sanitized():
        pytest.skip("UBSan opens a pipe to see whether an object is one, and has no descriptor")
    door = HttpDoor(tmp_path, listener() + UP)
    inside = len(os.listdir(f"/proc/{door.pid}/fd")) + 20
    resource.prlimit(door.pid, resource.RLIMIT_NOFILE, (inside, inside))
    with door.raw() as inside:
        assert inside.get().answer().text == "up\n"
        held = many(door.address, 200)
        assert inside.get().answer().text == "up\n"
        for connection in held:
            connection.close()
        wait_until(lambda: is_up(door), "descriptors")
        assert inside.get().answer().text == "up\n"


def test_ten_thousand_idle(tmp_path):
    count = 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 1000:
        pytest.skip(f"only {hard} descriptors are allowed here")
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    door = HttpDoor(tmp_path, toml({"http": {"keep_alive_timeout": "10m"}}) +
                    listener(f"{loopback_address()}:0") + UP, shards=2)
    assert up(door)
    before = door.rss_octets()
    held = many(door.address, count)
    try:
        request = b"GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n"
        for connection in held:
            connection.sendall(request)
        for connection in held:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert up(door)
        # Buffers are of those who have something to say (engine/ring/streams.h).
        assert (door.rss_octets() - before) / count < 4096
        for connection in held[::100]:
            connection.sendall(request)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert all(alive(connection) for connection in held)
    finally:
        for connection in held:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: door.open_sockets() < 200, lambda: f"{door.open_sockets()} sockets")


def test_a_connection_that_never_asked_is_an_idle_one(tmp_path):
    """keep_alive_timeout is for it; header_timeout begins with the first octet."""
    door = HttpDoor(tmp_path, toml({"http": {"header_timeout": "300ms"}}) + listener() +
                    listener(proxy_protocol="required") + UP)
    with door.raw() as silent, door.raw(1) as named, door.raw() as begun:
        named.send("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n")
        begun.send("PRI * HT")
        assert begun.ends()
        with door.raw() as visitor:
            assert visitor.send("GET / HT").answer().status == 408
        # Those two came first, and are still there.
        assert silent.get().answer().text == "up\n"
        assert named.get().answer().text == "up\n"


def test_keep_alive_timeout(tmp_path):
    door = HttpDoor(tmp_path, toml({"http": {"keep_alive_timeout": "1s"}}) + listener() +
                    listener(http2=False) + UP)
    for number in (0, 1):
        with door.raw(number) as silent, door.raw(number) as asked:
            assert asked.get().answer().text == "up\n"
            assert asked.ends()
            assert silent.ends()


# --- Floods ----------------------------------------------------------------------------------


def test_a_flood_of_handshakes(tmp_path):
    """Handshakes that are begun and left, cut off, or no handshakes: others are served."""
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.certificate("www.example.net")
    door = HttpDoor(tmp_path, toml({"http": {"tls_handshake_timeout": "5s"}}) +
                    listener(tls=True) + UP + toml({"http.certificate": [
                        {"certificate_file": str(certificate), "key_file": str(key)}]}))
    context = authority.context()
    hello = client_hello(context)
    with door.raw(tls=context) as inside:
        assert inside.get().answer().text == "up\n"
        flood = many(door.address, 1000)
        for n, connection in enumerate(flood):
            with contextlib.suppress(ConnectionError):
                connection.sendall([hello, hello[:50], b"\x16\x03\x01\xff\xff", b""][n % 4])
            if n % 8 == 0:
                connection.close()
        for _ in range(10):
            assert inside.get().answer().text == "up\n"
            assert up(door, tls=context)
        # All of it ends by the time-out.
        for connection in flood:
            if connection.fileno() >= 0:
                with contextlib.suppress(ConnectionError):
                    while connection.recv(65536):
                        pass
                connection.close()
        assert inside.get().answer().text == "up\n"
        assert up(door, tls=context)


def client_hello(context):
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="www.example.net")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


# --- The end ---------------------------------------------------------------------------------


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path)


def stopping(door):
    door.signal(signal.SIGTERM)
    door.wait_log("stopping")


def test_requests_in_flight_end(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(origin.at()), shards=2)
    with door.raw() as waiting, door.raw() as midway, door.raw() as idle, door.raw() as silent:
        assert idle.get("/echo").answer().status == 200
        waiting.get("/hang?key=waits")
        origin.wait_request("GET /hang")
        midway.get("/stall?key=stalls")
        assert midway.head().status == 200
        stopping(door)
        # Who has nothing under way is let go at once.
        assert idle.ends()
        assert silent.ends()
        assert door.running()
        origin.go("waits")
        answer = waiting.answer()
        assert (answer.status, answer.text) == (200, "went on")
        # It tells that nothing more is taken (RFC 9112 §9.6), and so it is.
        assert answer.get("connection") == "close"
        assert waiting.ends()
        assert door.running()
        origin.go("stalls")
        assert b"ended" in midway.rest()
    assert door.wait_exit() == 0


def test_who_comes_meanwhile_is_refused(tmp_path, origin):
    """At once, so that a balancer goes to another; he would wait for nothing else."""
    path = tmp_path / "web.sock"
    door = HttpDoor(tmp_path, toml({"http.listener": [{"listen": [
        f"{loopback_address()}:0", f"unix:{path}"]}]}) + pool("app", [origin.at()]) +
        route(pool="app"), shards=2)
    with door.raw() as waiting:
        waiting.get("/hang?key=waits")
        origin.wait_request("GET /hang")
        stopping(door)

        def refused(number):
            try:
                door.raw(number).close()
            except (ConnectionRefusedError, FileNotFoundError):
                return True
            return False

        for number in (0, 1):
            door.wait_for(lambda number=number: refused(number), "nobody listens there")
        origin.go("waits")
        assert waiting.answer().text == "went on"
    assert door.wait_exit() == 0


@pytest.mark.parametrize("shards", [1, 2])
def test_killed_and_started_again(tmp_path, origin, shards):
    """With visitors connected and a request under way; on the same port."""
    address = "{}:{}".format(loopback_address(), 8080)
    text = listener(address) + pool("app", [origin.at()]) + route(pool="app")
    door = HttpDoor(tmp_path, text, shards=shards)
    with door.raw() as idle, door.raw() as waiting:
        assert idle.get("/echo").answer().status == 200
        waiting.get("/hang?key=waits")
        origin.wait_request("GET /hang")
        os.kill(door.pid, signal.SIGKILL)
        assert door.wait_exit() == -signal.SIGKILL
        # The kernel may let go of a ring and of its sockets a little after their process.
        wait_until(lambda: not is_bound(door.address, socket.SOCK_STREAM), "the port to be free")
        again = HttpDoor(tmp_path, text, shards=shards)
        assert again.curl("/echo").status == 200
        assert idle.ends()
        assert waiting.ends()


def test_systemd_keeps_visitors_waiting_over_a_restart(tmp_path):
    """The listening socket is systemd's and stays: who comes between two daemons is served by the
    second."""
    # sh hands standard input over as systemd does: LISTEN_PID has to be the daemon's own.
    command = ["sh", "-c", "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 "
               'LISTEN_FDNAMES=web; exec "$@"', "sh"]
    text = listener("systemd:web") + UP
    with socket.create_server((loopback_address(), 0), backlog=64) as held:
        address = held.getsockname()
        first = HttpDoor(tmp_path, text, command=command, stdin=held)
        with Raw(address) as visitor:
            assert visitor.get().answer().text == "up\n"
        assert first.terminate_and_wait() == 0
        with Raw(address) as between:
            between.get()
            HttpDoor(tmp_path, text, command=command, stdin=held)
            assert between.answer().text == "up\n"
