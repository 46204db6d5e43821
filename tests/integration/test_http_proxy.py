"""The HTTP door between real clients and real servers: what goes through, and how."""

import hashlib
import subprocess

import pytest
from http_lab import OK, HttpDoor, Node, Scripted, listener, pool, route, simple

BLOCK = b"0123456789abcdef"


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path)


@pytest.fixture
def door(tmp_path, origin):
    return HttpDoor(tmp_path, simple(origin.at()))


def told(answer, name):
    """The lines of this header that the origin got (/echo)."""
    return [value for key, value in answer.json()["headers"] if key == name]


def body_of(octets):
    return (BLOCK * (octets // 16 + 1))[:octets]


# --- Methods and targets ------------------------------------------------------------------------


def test_round_trip(door):
    answer = door.curl("/echo?x=1")
    assert answer.status == 200 and answer.version == "1.1"
    assert answer.json()["url"] == "/echo?x=1"


def test_every_method_goes_through(door):
    with door.raw() as visitor:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE",
                       "PROPFIND", "M-SEARCH"):
            answer = visitor.get("/echo", "Content-Length: 0", method=method).answer(method)
            assert (answer.status, answer.json()["method"]) == (200, method)


def test_head_has_the_length_and_no_body(door, origin):
    with door.raw() as visitor:
        answer = visitor.get("/bytes?n=12345", method="HEAD").answer("HEAD")
        assert (answer.status, answer.get("content-length")) == (200, "12345")
        # Nothing of a body came: the next answer begins where this head has ended.
        assert visitor.get("/bytes?n=5").answer().body == b"01234"
    assert origin.stats("a")["connections"] == 1


def test_connect_is_not_for_us(door, origin):
    with door.raw() as visitor:
        visitor.send("CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n")
        assert visitor.answer().status == 501
        assert visitor.ends()
    assert origin.requests() == []


def test_an_absolute_target_becomes_a_path(door):
    with door.raw() as visitor:
        answer = visitor.get("http://www.example.net/echo?a=b").answer()
    assert answer.json()["url"] == "/echo?a=b"
    assert told(answer, "host") == ["www.example.net"]


def test_options_for_the_server_as_a_whole(door):
    with door.raw() as visitor:
        answer = visitor.get("*", method="OPTIONS").answer("OPTIONS")
    assert answer.json()["url"] == "*"


# --- Answers ------------------------------------------------------------------------------------


def test_statuses_are_the_servers(door):
    with door.raw() as visitor:
        for code in (200, 201, 202, 206, 301, 400, 401, 404, 410, 418, 500, 503, 599):
            answer = visitor.get(f"/status?code={code}&text=as+it+is").answer()
            assert (answer.status, answer.text) == (code, "as it is")


@pytest.mark.parametrize("code", [204, 304])
def test_answers_without_content(door, code):
    with door.raw() as visitor:
        answer = visitor.get(f"/status?code={code}&etag=1").answer()
        assert (answer.status, answer.get("etag")) == (code, '"x"')
        assert answer.get("transfer-encoding") is None
        assert visitor.get("/bytes?n=3").answer().body == b"012"


def test_the_servers_words_stay(tmp_path):
    def script(peer, _):
        peer.request()
        peer.send("HTTP/1.1 200 Fine By Me\r\nDate: yesterday\r\nServer: mine/1\r\n"
                  "X-Odd:   spaces around   \r\nx-lower: Case Kept\r\nContent-Length: 2\r\n\r\nok")

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            answer = visitor.get().answer()
    assert answer.line == "HTTP/1.1 200 Fine By Me"
    assert answer.all("date") == ["yesterday"] and answer.all("server") == ["mine/1"]
    assert answer.get("x-odd") == "spaces around" and answer.get("x-lower") == "Case Kept"


def test_fields_between_us_and_the_server_end_with_us(door):
    answer = door.curl("/headers")
    assert answer.all("x-kept") == ["one", "two"]
    assert answer.all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert answer.get("x-powered-by") == "origin"
    for name in ("connection", "keep-alive", "proxy-connection", "x-private"):
        assert answer.get(name) is None, name


# --- What the server is told --------------------------------------------------------------------


def test_request_fields_go_through_in_their_order(door):
    with door.raw() as visitor:
        answer = visitor.get("/echo", "X-One: 1", "Accept: a", "x-two: \t2 ", "Accept: b",
                             "Cookie: a=1; b=2", "Authorization: Basic eA==", "X-Empty:").answer()
    sent = [(name, value) for name, value in answer.json()["headers"]
            if name in ("x-one", "accept", "x-two", "cookie", "authorization", "x-empty")]
    assert sent == [("x-one", "1"), ("accept", "a"), ("x-two", "2"), ("accept", "b"),
                    ("cookie", "a=1; b=2"), ("authorization", "Basic eA=="), ("x-empty", "")]


def test_fields_between_the_visitor_and_us_end_with_us(door):
    with door.raw() as visitor:
        answer = visitor.get(
            "/echo", "Connection: close, X-Private, X-Forwarded-For, Authorization, TE",
            "X-Private: 1", "Keep-Alive: 5", "Proxy-Connection: keep-alive", "Upgrade: h2c",
            "Proxy-Authorization: Basic eA==", "TE: trailers, deflate", "Trailer: X-Late",
            "Authorization: Basic eA==").answer()
    names = {name for name, _ in answer.json()["headers"]}
    assert not names & {"x-private", "keep-alive", "proxy-connection", "proxy-authorization",
                        "trailer", "upgrade"}
    assert told(answer, "te") == ["trailers"] and told(answer, "connection") == ["TE"]
    # Nobody can have us hide these from the server.
    assert told(answer, "authorization") == ["Basic eA=="]
    assert told(answer, "x-forwarded-for") == ["127.0.0.1"]


def test_who_the_visitor_is_comes_from_us(door):
    with door.raw() as visitor:
        answer = visitor.get(
            "/echo", "X-Forwarded-For: 192.0.2.7", "x-forwarded-for: 192.0.2.8",
            "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "X-Forwarded-Port: 1",
            "x-forwarded-prefix: /evil", "X-Forwarded-User: root", "X-Real-IP: 192.0.2.9",
            "X-Original-URL: /admin", "X-Original-Method: DELETE",
            "Forwarded: for=192.0.2.10;proto=https", "Via: 1.1 other", host="WWW.Example.net:81",
        ).answer()
    assert told(answer, "x-forwarded-for") == ["127.0.0.1"]
    assert told(answer, "x-forwarded-proto") == ["http"]
    assert told(answer, "x-forwarded-host") == ["www.example.net:81"]
    assert told(answer, "forwarded") == ['for=127.0.0.1;host="www.example.net:81";proto=http']
    assert told(answer, "via") == ["1.1 sallyport"]
    for name in ("x-real-ip", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-user",
                 "x-original-url", "x-original-method"):
        assert told(answer, name) == [], name


def test_a_trusted_proxy_says_who_the_visitor_is(tmp_path, origin):
    door = HttpDoor(tmp_path, '[http]\ntrusted_proxies = ["127.0.0.0/8"]\n' + simple(origin.at()))
    with door.raw() as proxy:
        answer = proxy.get("/echo", "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 127.8.8.8",
                           "X-Forwarded-Proto: https", "X-Forwarded-User: alice").answer()
    assert told(answer, "x-forwarded-for") == ["203.0.113.9"]
    assert told(answer, "x-forwarded-user") == ["alice"]
    assert told(answer, "x-forwarded-proto") == ["https"]
    assert told(answer, "forwarded") == ["for=203.0.113.9;host=www.example.net;proto=https"]


def test_the_host_is_the_visitors_or_the_servers(tmp_path, origin):
    text = (listener() + pool("app", [origin.at()]) + route(path_prefix="/own", pool="app",
            preserve_host=False) + route(pool="app"))
    door = HttpDoor(tmp_path, text)
    with door.raw() as visitor:
        assert told(visitor.get("/echo").answer(), "host") == ["www.example.net"]
        own = visitor.get("/own").answer()
    assert told(own, "host") == [origin.at()]
    assert told(own, "x-forwarded-host") == ["www.example.net"]


# --- Bodies -------------------------------------------------------------------------------------

SIZES = [0, 1, 16383, 16384, 16385, 65536, 1_000_003]


def test_a_request_body_with_its_length(door):
    for octets in SIZES:
        body = body_of(octets)
        answer = door.curl("/echo", data=body)
        assert told(answer, "content-length") == [str(octets)]
        assert told(answer, "transfer-encoding") == []
        assert answer.json()["body"]["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_request_body_in_chunks(door):
    for octets in SIZES:
        body = body_of(octets)
        answer = door.curl("/echo", "-H", "Transfer-Encoding: chunked", data=body)
        assert told(answer, "transfer-encoding") == ["chunked"]
        assert told(answer, "content-length") == []
        assert answer.json()["body"]["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("framing", ["", "&chunked"])
def test_answers_of_all_sizes(door, framing):
    with door.raw() as visitor:
        for octets in SIZES:
            answer = visitor.get(f"/bytes?n={octets}{framing}").answer()
            assert answer.body == body_of(octets)
            # Node knows that nothing comes, and says so.
            chunked = answer.get("transfer-encoding") == "chunked"
            assert chunked == (framing != "" and octets > 0), answer


def test_a_body_that_trickles_in(door):
    with door.raw() as visitor:
        visitor.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for octet in b"5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 6\r\n\r\n":
            visitor.send(bytes([octet]))
        got = visitor.answer().json()
    assert got["body"]["text"] == "hello!"
    assert got["trailers"] == {"x-sum": "6"}


def test_an_answer_that_the_end_of_the_connection_ends(tmp_path):
    def script(peer, _):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + body_of(100_000))

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            for _ in range(2):  # the visitor's connection lives on
                answer = visitor.get().answer()
                assert answer.get("transfer-encoding") == "chunked"
                assert answer.body == body_of(100_000)
        assert server.connections == 2


# --- Connections --------------------------------------------------------------------------------


def test_connections_to_the_server_are_kept_and_shared(door, origin):
    for number in range(10):  # ten visitors after each other
        with door.raw() as visitor:
            assert visitor.get(f"/echo?{number}").answer().status == 200
    assert origin.stats("a")["connections"] == 1


def test_a_server_that_closes_is_connected_to_again(tmp_path):
    def script(peer, _):
        peer.request()
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            for _ in range(5):
                answer = visitor.get().answer()
                assert answer.body == b"ok" and answer.get("connection") is None
        assert server.connections == 5


def test_many_requests_on_one_connection(door):
    with door.raw() as visitor:
        for number in range(200):
            assert visitor.get(f"/echo?{number}").answer().json()["url"] == f"/echo?{number}"


def test_a_visitor_who_wants_to_close(door):
    with door.raw() as visitor:
        answer = visitor.get("/echo", "Connection: close").answer()
        assert answer.get("connection") == "close"
        assert visitor.ends()


def test_pipelined_requests_are_answered_in_their_order(door):
    with door.raw() as visitor:
        # More than is kept of what comes ahead of its turn.
        count = 300
        visitor.send("".join(
            f"POST /echo?{n} HTTP/1.1\r\nHost: a\r\nX-Fill: {'f' * 100}\r\n"
            f"Content-Length: 5\r\n\r\n{n:05}" for n in range(count)))
        for number in range(count):
            got = visitor.answer().json()
            assert (got["url"], got["body"]["text"]) == (f"/echo?{number}", f"{number:05}")


def test_a_bad_request_behind_a_good_one(door, origin):
    with door.raw() as visitor:
        visitor.send("GET /bytes?n=5 HTTP/1.1\r\nHost: a\r\n\r\nGET  /second HTTP/1.1\r\n\r\n")
        assert visitor.answer().body == b"01234"
        assert visitor.answer().status == 400
        assert visitor.ends()
    assert origin.requests() == ["GET /bytes"]


# --- HTTP/1.0 -----------------------------------------------------------------------------------


def test_http_1_0_without_a_host(door):
    with door.raw() as visitor:
        visitor.send("GET /echo HTTP/1.0\r\n\r\n")
        answer = visitor.answer()
        assert answer.status == 200 and answer.json()["url"] == "/echo"
        assert visitor.ends()


def test_http_1_0_knows_no_chunks(door):
    with door.raw() as visitor:
        visitor.send("GET /bytes?n=70000&chunked HTTP/1.0\r\nHost: a\r\n"
                     "Connection: keep-alive\r\n\r\n")
        answer = visitor.answer()
    assert answer.get("transfer-encoding") is None and answer.get("connection") == "close"
    assert answer.body == body_of(70000)


def test_http_1_0_with_keep_alive(door):
    with door.raw() as visitor:
        for _ in range(3):
            visitor.send("GET /bytes?n=9 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            answer = visitor.answer()
            assert answer.get("connection") == "keep-alive" and answer.body == body_of(9)


def test_a_server_of_http_1_0(tmp_path):
    def script(peer, _):
        assert peer.request().startswith("GET / HTTP/1.1\r\n")
        peer.send("HTTP/1.0 200 OK\r\n\r\nold and gold")

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            for _ in range(2):
                answer = visitor.get().answer()
                assert (answer.version, answer.body) == ("1.1", b"old and gold")


# --- Heads --------------------------------------------------------------------------------------


def test_large_heads_both_ways(tmp_path):
    cookies = [f"X-{n}: {'v' * 900}" for n in range(15)]

    def script(peer, _):
        while True:
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\n" + "".join(f"{line}\r\n" for line in cookies) +
                      "Content-Length: 2\r\n\r\nok")

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            for _ in range(3):
                answer = visitor.get("/", *cookies).answer()
                assert all(answer.get(f"x-{n}") == "v" * 900 for n in range(15))
    assert all(line in server.heads[2] for line in cookies)


def test_a_switch_that_nobody_asked_for(tmp_path):
    def script(peer, number):
        peer.request()
        peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  "Connection: upgrade\r\n\r\n" if number == 1 else OK)

    with Scripted(script) as server:
        door = HttpDoor(tmp_path, simple(server.at))
        with door.raw() as visitor:
            assert visitor.get().answer().status == 502
            assert visitor.get().answer().body == b"ok"


def test_an_upgrade_with_a_body_is_an_ordinary_request(door, origin):
    """Where the body ends and the tunnel begins would be anybody's guess."""
    with door.raw() as visitor:
        visitor.send("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n"
                     "Content-Length: 5\r\n\r\nhello")
        answer = visitor.answer()
    assert answer.status == 200 and answer.json()["body"]["text"] == "hello"
    assert told(answer, "upgrade") == []


def test_a_peer_whose_machine_is_gone_is_found_out(door, origin):
    """By TCP's keep-alive, on both sides: a tunnel or a stream of events may be silent long."""
    with door.raw() as visitor:
        visitor.get("/sse?key=k").until("data: 0")
        lines = subprocess.run(["ss", "--tcp", "--numeric", "--options", "--processes"],
                               capture_output=True, check=True, text=True).stdout.splitlines()
    ours = [line for line in lines if f"pid={door.pid}," in line and "ESTAB" in line]
    assert len(ours) == 2 and all("timer:(keepalive," in line for line in ours), ours
