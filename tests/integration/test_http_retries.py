"""What follows when an upstream breaks off: the table of docs/http-routing.md line by line, with
servers that lie. Another try only where it is safe; a POST that was sent is never sent again."""

import itertools
import socket
import threading

import h2_frames
import pytest
from harness.net import loopback_address, wait_until
from http_lab import OK, HttpDoor, Node, Scripted, listener, pool, route, simple

# No server is taken out by failing requests unless a test says otherwise.
NEVER_OUT = {"max_fails": 0}


def serves(connection, _number):
    """Answers every request, until the other side ends."""
    while True:
        connection.request()
        connection.send(OK)


def closes(connection, _number):
    """Takes a request, and closes without a word."""
    connection.request()


def resets(connection, _number):
    connection.request()
    connection.reset()


def half_a_head(connection, _number):
    connection.request()
    connection.send("HTTP/1.1 200 OK\r\nContent-Le")


def half_a_body(connection, _number):
    connection.request()
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


def no_http(connection, _number):
    connection.request()
    connection.send("SSH-2.0-OpenSSH_9.2\r\n\r\n")
    connection.rest()


def two_lengths(connection, _number):
    connection.request()
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!")
    connection.rest()


def silent(connection, _number):
    connection.request()
    connection.rest()


def early_hints_then_closes(connection, _number):
    connection.request()
    connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")


def nobody():
    """An address at which nobody listens."""
    with socket.create_server((loopback_address(), 0)) as listening:
        host, port = listening.getsockname()
        return f"{host}:{port}"


def to_both(folder, bad, good, **more):
    """The door before `bad`, which is always asked first, and `good`."""
    return HttpDoor(folder, simple(bad, good, balance="first", **{**NEVER_OUT, **more}))


SENT_AND_BROKEN = [closes, resets]


@pytest.mark.parametrize("bad", SENT_AND_BROKEN)
def test_idempotent_methods_are_asked_again(tmp_path, bad):
    with Scripted(bad) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at)
        methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PROPFIND", "REPORT",
                   "SEARCH"]
        for method in methods:
            with door.raw() as visitor:
                answer = visitor.get(method=method).answer(to=method)
            assert answer.status == 200, method
        assert len(first.heads) == len(second.heads) == len(methods)


@pytest.mark.parametrize("bad", SENT_AND_BROKEN)
@pytest.mark.parametrize("method", ["POST", "PATCH", "MKCOL", "BREW"])
def test_what_was_sent_and_is_not_idempotent_is_not_asked_again(tmp_path, bad, method):
    with Scripted(bad) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at)
        for lines in ["Content-Length: 0"], ["Content-Length: 4"]:
            with door.raw() as visitor:
                visitor.get("/", *lines, method=method)
                assert visitor.send("body" if "4" in lines[0] else "").answer().status == 502
        assert len(first.heads) == 2 and second.heads == []


def test_a_body_that_was_passed_on_is_not_sent_again(tmp_path):
    """PUT is idempotent, but its body is gone."""

    def takes_some(connection, _number):
        connection.request()
        connection.exactly(4)

    with Scripted(takes_some) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at)
        with door.raw() as visitor:
            visitor.get("/", "Content-Length: 8", method="PUT").send("body")
            assert visitor.answer().status == 502
        assert len(first.heads) == 1 and second.heads == []


def test_a_refused_connection_is_tried_elsewhere_whatever_the_method(tmp_path):
    with Scripted(serves) as second:
        door = to_both(tmp_path, nobody(), second.at)
        assert door.curl("/").status == 200
        assert door.curl("/", data=b"never sent before").status == 200
        assert [head.split()[0] for head in second.heads] == ["GET", "POST"]


def test_nobody_listens_anywhere(tmp_path):
    door = to_both(tmp_path, nobody(), nobody())
    assert door.curl("/").status == 502


def test_a_unix_socket_that_is_not_there_is_tried_elsewhere(tmp_path):
    with Scripted(serves) as second:
        door = to_both(tmp_path, f"unix:{tmp_path}/nobody.sock", second.at)
        assert door.curl("/", data=b"x").status == 200


@pytest.mark.parametrize("data", [None, b"x"])
def test_connecting_that_takes_too_long_is_tried_elsewhere(tmp_path, data):
    """TLS is part of connecting: this one accepts, and says nothing."""
    with Scripted(lambda connection, _: connection.rest()) as mute:
        door = HttpDoor(tmp_path, simple(mute.at, nobody(), tls=True, connect_timeout="200ms",
                                         balance="first", **NEVER_OUT))
        # The second one refuses, which shows that it was asked.
        assert door.curl("/", data=data).status == 502
        wait_until(lambda: mute.connections == 1, "its connection")


@pytest.mark.parametrize("data", [None, b"x"])
def test_connecting_that_takes_too_long_everywhere(tmp_path, data):
    with Scripted(lambda connection, _: connection.rest()) as mute:
        door = HttpDoor(tmp_path, simple(mute.at, tls=True, connect_timeout="200ms"))
        assert door.curl("/", data=data).status == 504


def test_no_syn_is_answered(tmp_path):
    """A listener whose backlog is full drops what knocks."""
    with socket.socket() as full, socket.socket() as knocker, Scripted(serves) as second:
        full.bind((loopback_address(), 0))
        full.listen(0)
        host, port = full.getsockname()
        knocker.connect((host, port))
        door = to_both(tmp_path, f"{host}:{port}", second.at, connect_timeout="300ms")
        assert door.curl("/", data=b"x").status == 200
        assert len(second.heads) == 1


def test_an_answer_that_takes_too_long_is_asked_for_once(tmp_path):
    with Scripted(silent) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at, response_timeout="200ms")
        assert door.curl("/").status == 504
        wait_until(lambda: len(first.heads) == 1, "the request at the first")
        assert second.heads == []


@pytest.mark.parametrize("bad", [no_http, two_lengths])
def test_an_answer_that_is_no_http_is_asked_for_once(tmp_path, bad):
    with Scripted(bad) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at)
        assert door.curl("/").status == 502
        assert len(first.heads) == 1 and second.heads == []


def test_nothing_is_asked_again_once_an_answer_has_begun(tmp_path):
    for number, bad in enumerate([half_a_head, early_hints_then_closes]):
        with Scripted(bad) as first, Scripted(serves) as second:
            door = to_both(tmp_path / str(number), first.at, second.at)
            assert door.curl("/").status == 502, bad
            assert second.heads == [], bad


def test_an_answer_that_breaks_off_ends_the_connection(tmp_path):
    """The visitor has its head: he must not take the half for the whole."""
    with Scripted(half_a_body) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at)
        for _ in range(2):
            answer = door.curl("/", check=False)
            # Cut short, or reset, which may overtake the head.
            assert answer.code in (18, 52, 56) and answer.body in (b"half", b"")
        assert second.heads == []
        assert door.running()


def test_so_many_other_servers_are_tried(tmp_path):
    with Scripted(closes) as bad, Scripted(serves) as good:
        for number, (retries, status) in enumerate([(0, 502), (1, 502), (2, 200)]):
            servers = [nobody(), nobody(), good.at]
            door = HttpDoor(tmp_path / str(number),
                            simple(*servers, balance="first", retries=retries, **NEVER_OUT))
            assert door.curl("/").status == status
        # No server is asked twice for one request, however many tries are left.
        door = HttpDoor(tmp_path / "once", simple(bad.at, retries=10))
        assert door.curl("/").status == 502
        assert bad.connections == 1


# --- A kept connection that is closed --------------------------------------------------------


def first_then_closes(connection, number):
    """Answers once, and closes its first connection when it gets a second request."""
    connection.request()
    connection.send(OK)
    connection.request()
    if number == 1:
        return
    connection.send(OK)
    connection.rest()


def test_a_stale_connection_is_replaced_for_what_may_be_repeated(tmp_path):
    with Scripted(first_then_closes) as server, Scripted(serves) as other:
        door = to_both(tmp_path, server.at, other.at, retries=0)
        assert [door.curl("/").status for _ in range(2)] == [200, 200]
        assert server.connections == 2 and other.heads == []


def test_a_stale_connection_is_a_502_for_a_post(tmp_path):
    with Scripted(first_then_closes) as server, Scripted(serves) as other:
        door = to_both(tmp_path, server.at, other.at)
        assert door.curl("/").status == 200
        assert door.curl("/", data=b"once").status == 502
        assert [head.split()[0] for head in server.heads] == ["GET", "POST"]
        assert other.heads == []


def test_a_connection_that_was_closed_while_idle_is_not_used(tmp_path):
    """Its end is known before the next request: even a POST is safe."""
    closed = threading.Event()

    def one_each(connection, _number):
        connection.request()
        connection.send(OK)
        connection.close()
        closed.set()

    with Scripted(one_each) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        assert door.curl("/").status == 200
        assert closed.wait(10)
        door.wait_for(lambda: door.open_sockets() == idle_sockets(door), "the end is seen")
        assert door.curl("/", data=b"x").status == 200
        assert server.connections == 2


def idle_sockets(door):
    """Its listening sockets: one an address and shard."""
    return len(door.addresses)


def test_a_second_answer_that_nobody_asked_for_is_not_given_away(tmp_path):
    """The classic of response splitting: what is left over on a connection is nobody's answer."""

    def generous(connection, number):
        connection.request()
        connection.send(OK + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        if number == 1:
            connection.rest()

    with Scripted(generous) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            assert [visitor.get().answer().body for _ in range(3)] == [b"ok"] * 3
        assert server.connections == 3


# --- HTTP/2: a server may say that it has not touched a request ------------------------------


def says_no(answer, then_serves=False):
    """An HTTP/2 server that gives `answer` to its first request. Its next connections say the
    same, unless it `then_serves` them: with a head of 204, and nothing else."""

    def script(connection, number):
        connection.exactly(len(h2_frames.PREFACE))
        connection.send(h2_frames.frame(h2_frames.SETTINGS))
        while True:
            head = connection.exactly(9)
            connection.exactly(int.from_bytes(head[:3], "big"))
            if head[3] == h2_frames.HEADERS:
                stream = int.from_bytes(head[5:9], "big")
                if then_serves and number > 1:
                    connection.send(h2_frames.frame(h2_frames.HEADERS, h2_frames.WHOLE, stream,
                                                    b"\x89"))
                else:
                    connection.send(answer(stream))

    return script


def refused(stream):
    return h2_frames.reset(stream, h2_frames.REFUSED_STREAM)


def goodbye(_stream):
    return h2_frames.frame(h2_frames.GOAWAY, payload=bytes(8))


@pytest.mark.parametrize("answer", [refused, goodbye])
def test_a_request_that_was_not_touched_is_asked_again_whatever_the_method(tmp_path, answer):
    origin = Node(tmp_path, {"a": {"kind": "h2c"}})
    with Scripted(says_no(answer)) as first:
        door = to_both(tmp_path, first.at, origin.at(), protocol="h2")
        assert door.curl("/status?code=200", "-X", "POST").status == 200
        assert origin.requests() == ["POST /status"] and first.connections == 1


@pytest.mark.parametrize("answer", [refused, goodbye])
def test_where_there_is_no_other_the_same_is_asked_once_more(tmp_path, answer):
    with Scripted(says_no(answer)) as only:
        door = HttpDoor(tmp_path, simple(only.at, protocol="h2"))
        assert door.curl("/", "-X", "POST").status == 502


def test_who_says_goodbye_on_one_connection_takes_the_next(tmp_path):
    with Scripted(says_no(goodbye, then_serves=True)) as only:
        door = HttpDoor(tmp_path, simple(only.at, protocol="h2"))
        assert door.curl("/", "-X", "POST").status == 204
        assert only.connections == 2


# --- Failing requests take a server out ------------------------------------------------------


@pytest.mark.parametrize("bad,status,more", [
    (closes, 502, {}), (no_http, 502, {}), (silent, 504, {"response_timeout": "1s"})])
def test_max_fails_in_a_row_take_a_server_out(tmp_path, bad, status, more):
    with Scripted(bad) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at, retries=0, max_fails=2, fail_timeout="10m",
                       **more)
        assert [door.curl("/").status for _ in range(4)] == [status, status, 200, 200]
        wait_until(lambda: len(first.heads) == 2, lambda: f"{first.heads}")


def test_an_answer_with_status_500_is_no_failure(tmp_path):
    def unhappy(connection, _number):
        while True:
            connection.request()
            connection.send("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")

    with Scripted(unhappy) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at, max_fails=1)
        assert [door.curl("/").status for _ in range(3)] == [500] * 3
        assert second.heads == []


def test_a_success_in_between_begins_a_new_row(tmp_path):
    turns = itertools.cycle([closes, lambda c, n: (c.request(), c.send(OK))])
    with Scripted(lambda c, n: next(turns)(c, n)) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at, retries=0, max_fails=2, fail_timeout="10m")
        assert [door.curl("/").status for _ in range(6)] == [502, 200] * 3
        assert second.heads == []


def test_after_fail_timeout_one_request_is_let_through(tmp_path):
    well = threading.Event()

    def recovers(connection, number):
        connection.request()
        if well.is_set():
            connection.send(OK)
            serves(connection, number)

    with Scripted(recovers) as first, Scripted(serves) as second:
        door = to_both(tmp_path, first.at, second.at, retries=1, max_fails=1, fail_timeout="300ms")
        assert door.curl("/").status == 200  # by the second
        assert len(first.heads) == 1

        def asked_again():
            assert door.curl("/").status == 200
            return len(first.heads) > 1

        wait_until(asked_again, "the first is on trial")
        well.set()
        wait_until(lambda: asked_again() and len(first.heads) > 4, "the first is back")


def test_the_only_server_stays_in(tmp_path):
    with Scripted(closes) as only:
        door = HttpDoor(tmp_path, simple(only.at, max_fails=1, fail_timeout="10m"))
        assert [door.curl("/").status for _ in range(3)] == [502] * 3
        assert len(only.heads) == 3


def test_when_all_are_out_one_at_a_time_is_tried_all_the_same(tmp_path):
    with Scripted(closes) as one, Scripted(closes) as two:
        door = HttpDoor(tmp_path, simple(one.at, two.at, retries=0, max_fails=1,
                                         fail_timeout="10m"))
        assert [door.curl("/").status for _ in range(4)] == [502] * 4
        assert len(one.heads) + len(two.heads) == 4


def test_a_pool_that_drains_wholly_is_a_503(tmp_path):
    with Scripted(serves) as one:
        door = HttpDoor(tmp_path, listener() + pool("app", [f"{one.at} drain"])
                        + route(pool="app"))
        answer = door.curl("/")
        assert answer.status == 503 and answer.get("retry-after") == "1"
        assert one.heads == []
