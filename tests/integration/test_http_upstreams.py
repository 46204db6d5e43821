"""The servers behind: which one is asked, over which connection, in what protocol; and that TLS
with a server that cannot prove who it is never becomes a plain connection."""

import collections

import pytest
from harness import wait_until
from harness.sallyport import toml
from http_lab import Authority, HttpDoor, Nginx, Node, Scripted, listener, route, simple

NAMES = ("a", "b", "c")


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path, {name: {"kind": "http1"} for name in NAMES})


def servers(origin, *more):
    """a, b and c, with what else stands behind each ("weight=3")."""
    more = [*more, "", "", ""]
    return [f"{origin.at(name)} {text}".strip() for name, text in zip(NAMES, more)]


def asked(door, count, *lines, **options):
    """Who answers so many requests of one connection."""
    with door.raw(**options) as visitor:
        return [visitor.get("/status?code=200", *lines).answer().get("x-origin")
                for _ in range(count)]


# --- Which server ----------------------------------------------------------------------------


def test_round_robin_by_weight(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(*servers(origin, "weight=3")))
    order = asked(door, 10)
    assert collections.Counter(order) == {"a": 6, "b": 2, "c": 2}
    assert "aaaa" not in "".join(order)  # the heavy one's turns are spread


def test_least_conn(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(*servers(origin), balance="least_conn"))
    with door.raw() as one, door.raw() as two:
        one.get("/hang?key=one")
        origin.wait_request("GET /hang", "a")
        two.get("/hang?key=two")
        origin.wait_request("GET /hang", "b")
        assert set(asked(door, 4)) == {"c"}
        origin.go("one"), origin.go("two")
        assert one.answer().body == two.answer().body == b"went on"
    assert set(asked(door, 6)) == set(NAMES)


def test_random_two_takes_the_better_of_two(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(*servers(origin)[:2], balance="random_two"))
    with door.raw() as one:
        one.get("/hang?key=one")
        wait_until(lambda: origin.requests("a") or origin.requests("b"), "it hangs somewhere")
        busy = "a" if origin.requests("a") else "b"
        # Of two servers both are drawn, whatever the lot.
        assert set(asked(door, 6)) == {"b" if busy == "a" else "a"}
        origin.go("one")
        assert one.answer().status == 200


def test_a_reload_keeps_the_connections_of_what_it_does_not_change(tmp_path, origin):
    def connections():
        return [origin.stats(name)["connections"] for name in ("a", "b")]

    door = HttpDoor(tmp_path, simple(*servers(origin), balance="round_robin"))
    asked(door, 8)
    before = connections()
    assert min(before) > 0
    door.reload(toml({"http": {"keep_alive_timeout": "1m"}})
                + simple(*servers(origin), balance="round_robin"))
    asked(door, 8)
    assert connections() == before
    door.reload(simple(*servers(origin), balance="round_robin", max_idle=7))
    asked(door, 8)
    assert min(now - then for now, then in zip(connections(), before)) > 0


def test_ip_hash(tmp_path, origin):
    """A visitor stays with his server; visitors are spread; and only a lost server's move."""
    door = HttpDoor(tmp_path, simple(*servers(origin), balance="ip_hash"))
    visitors = [f"127.0.{n}.{n * 7 % 250 + 1}" for n in range(24)]

    def ask_all():
        return {v: asked(door, 2, source=(v, 0)) for v in visitors}

    before = ask_all()
    assert all(len(set(names)) == 1 for names in before.values())
    assert {names[0] for names in before.values()} == set(NAMES)
    door.reload(simple(*servers(origin, "drain"), balance="ip_hash"))
    for visitor, names in ask_all().items():
        assert "a" not in names
        assert names == before[visitor] or before[visitor][0] == "a"
    # The order of the list does not matter, nor does a restart.
    again = HttpDoor(tmp_path / "again", simple(*reversed(servers(origin)), balance="ip_hash"))
    for visitor in visitors[:6]:
        assert asked(again, 1, source=(visitor, 0)) == before[visitor][:1]


def test_cookie(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(*servers(origin), balance="cookie", cookie_name="seat"))
    cookies = {}
    for _ in range(3):
        answer = door.curl("/status?code=200")
        cookie, *attributes = answer.get("set-cookie").split("; ")
        assert cookie.startswith("seat=") and attributes == ["Path=/", "HttpOnly", "SameSite=Lax"]
        assert origin.at("a").partition(":")[0] not in cookie
        cookies[answer.get("x-origin")] = cookie
    assert set(cookies) == set(NAMES)
    for name, cookie in cookies.items():
        answer = door.curl("/status?code=200", "-H", f"Cookie: other=1; {cookie}; z=2")
        assert answer.get("x-origin") == name and answer.get("set-cookie") is None
    # A made-up one is worth nothing, and a lost server's visitor gets another.
    assert door.curl("/", "-H", "Cookie: seat=AAAAAAAAAAAAAAAA").get("set-cookie")
    door.reload(simple(*servers(origin, "drain"), balance="cookie", cookie_name="seat"))
    answer = door.curl("/status?code=200", "-H", f"Cookie: {cookies['a']}")
    assert answer.get("x-origin") in ("b", "c") and answer.get("set-cookie")
    answer = door.curl("/status?code=200", "-H", f"Cookie: {cookies['b']}")
    assert answer.get("x-origin") == "b"  # a reload changes no cookie


def test_first_and_backup(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(*servers(origin, "backup"), balance="first"))
    assert set(asked(door, 4)) == {"b"}
    door.reload(simple(*servers(origin, "backup", "drain", "drain"), balance="first"))
    assert set(asked(door, 4)) == {"a"}


def test_a_backup_is_asked_when_the_others_fail(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(*servers(origin, "", "backup")[:2], max_fails=1))
    assert set(asked(door, 4)) == {"a"}
    origin.stop_server("a")
    assert set(asked(door, 4)) == {"b"}


def test_draining_ends_what_it_has(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(*servers(origin), balance="first"))
    with door.raw() as visitor:
        visitor.get("/stall?key=drain")
        assert visitor.head().get("x-origin") == "a"
        door.reload(simple(*servers(origin, "drain"), balance="first"))
        assert set(asked(door, 4)) == {"b"}
        origin.go("drain")
        assert b"ended" in visitor.until("0\r\n\r\n")
    wait_until(lambda: origin.stats("a")["open"] == 0, "nothing is left at the drained one")


# --- Which connection ------------------------------------------------------------------------


def test_connections_are_kept_and_used_again(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(origin.at()))
    for _ in range(5):
        assert door.curl("/status?code=200").status == 200  # a new visitor each time
    assert origin.stats("a")["connections"] == 1


def test_an_idle_connection_is_closed_in_time(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(origin.at(), idle_timeout="200ms"))
    assert door.curl("/status?code=200").status == 200
    wait_until(lambda: origin.stats("a")["open"] == 0, "it is closed")
    assert door.curl("/status?code=200").status == 200


def test_no_more_are_kept_than_allowed(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(origin.at(), max_idle=1))
    visitors = [door.raw() for _ in range(3)]
    for visitor in visitors:
        visitor.get("/hang?key=all")
    wait_until(lambda: len(origin.requests()) == 3, "three at once")
    origin.go("all")
    for visitor in visitors:
        assert visitor.answer().status == 200
        visitor.close()
    wait_until(lambda: origin.stats("a")["open"] == 1, "one is kept")


def test_an_http2_answer_without_a_body_ends(tmp_path):
    """HTTP/2 needs no Content-Length to end it; a visitor of HTTP/1.1 does."""
    origin = Node(tmp_path, {"a": {"kind": "h2c"}})
    door = HttpDoor(tmp_path, simple(origin.at(), protocol="h2"))
    with door.raw() as visitor:
        for path, method, length in (("/status?code=200", "GET", "0"),
                                     ("/status?code=404", "POST", "0"),
                                     ("/status?code=204", "GET", None),
                                     ("/status?code=304", "GET", None),
                                     ("/bytes?n=5&chunked", "HEAD", None)):
            answer = visitor.get(path, method=method).answer(to=method)
            assert answer.get("content-length") == length and answer.body == b"", path
            assert answer.get("transfer-encoding") is None or method == "HEAD"


@pytest.mark.parametrize("kind", ["h2c", "h2"])
def test_one_http2_connection_carries_many_requests(tmp_path, kind):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.certificate("app.example.net")
    tls = {"cert": str(certificate), "key": str(key)} if kind == "h2" else {}
    origin = Node(tmp_path, {"a": {"kind": kind, **tls}})
    more = {"tls": True, "ca_file": str(authority.ca_file),
            "server_name": "app.example.net"} if tls else {}
    door = HttpDoor(tmp_path, simple(origin.at(), protocol="h2", **more))
    visitors = [door.raw() for _ in range(5)]
    for visitor in visitors:
        visitor.get("/hang?key=all")
    wait_until(lambda: len(origin.requests()) == 5, "five at once")
    assert origin.stats("a")["connections"] == 1
    origin.go("all")
    assert [visitor.answer().body for visitor in visitors] == [b"went on"] * 5
    seen = door.curl("/echo", data=b"x" * 50_000).json()
    assert seen["version"] == "2.0" and seen["body"]["octets"] == 50_000


def test_a_unix_socket(tmp_path):
    path = tmp_path / "app.sock"
    inner = HttpDoor(tmp_path / "inner", listener(f"unix:{path}")
                     + route(respond=200, respond_body="from inside"))
    assert inner.address == str(path)
    door = HttpDoor(tmp_path / "outer", simple(f"unix:{path}"))
    assert door.curl("/").text == "from inside"


def test_real_nginx(tmp_path):
    nginx = Nginx(tmp_path / "nginx", """
      location /made { return 201 "made $request_method $http_host\\n"; }
      location / { return 200 "$request_uri\\n"; }
    """)
    door = HttpDoor(tmp_path, simple(nginx.at))
    assert door.curl("/a%20b?c=d").text == "/a%20b?c=d\n"
    answer = door.curl("/made", "-H", "Host: www.example.net", data=b"x")
    assert answer.status == 201 and answer.text == "made POST www.example.net\n"
    with door.raw() as visitor:
        assert visitor.get(method="HEAD").answer(to="HEAD").get("content-length") == "2"
        assert visitor.get("/next").answer().body == b"/next\n"


# --- TLS -------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


def https(folder, authority, *names):
    certificate, key = authority.certificate(*names)
    return Node(folder, {"a": {"kind": "https", "cert": str(certificate), "key": str(key)}})


def test_tls_with_the_right_name(tmp_path, authority):
    origin = https(tmp_path, authority, "app.example.net")
    door = HttpDoor(tmp_path, simple(origin.at(), tls=True, ca_file=str(authority.ca_file),
                                     server_name="app.example.net"))
    assert door.curl("/echo").json()["sni"] == "app.example.net"


def test_tls_with_the_servers_address(tmp_path, authority):
    """Without server_name the certificate has to hold the server's address."""
    origin = https(tmp_path, authority, "192.0.2.1")
    text = simple(origin.at(), tls=True, ca_file=str(authority.ca_file))
    door = HttpDoor(tmp_path, text)
    assert door.curl("/").status == 502
    authority.certificate(origin.address)
    origin.stop_server()
    origin.start_server()  # with the new certificate
    assert door.curl("/echo").json()["sni"] is None


@pytest.mark.parametrize("fault", ["name", "authority", "expired", "plain", "self"])
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(tmp_path, authority, fault):
    seen = []

    def listens(connection, _number):
        while connection.more():
            seen.append(connection.kept)
        seen.append(connection.kept)

    if fault == "plain":
        with Scripted(listens) as plain:
            door = HttpDoor(tmp_path, simple(
                plain.at, tls=True, ca_file=str(authority.ca_file), connect_timeout="300ms",
                server_name="app.example.net"))
            assert door.curl("/secret").status == 504
            assert all(octets.startswith(b"\x16\x03") for octets in seen)
            assert not any(b"secret" in octets for octets in seen)
        return
    signer = Authority(tmp_path / "other") if fault == "authority" else authority
    name = "other.example.net" if fault == "name" else "app.example.net"
    certificate, key = signer.certificate(name)
    if fault == "expired":
        signer._openssl("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                        "-CAcreateserial", "-out", "server.pem", "-days", "-1", "-extfile", "ext")
    if fault == "self":
        signer._openssl("req", "-x509", *signer._KEY, "-keyout", "server.key", "-out", "server.pem",
                        "-days", "2", "-subj", f"/CN={name}", "-addext",
                        f"subjectAltName=DNS:{name}")
    origin = Node(tmp_path, {"a": {"kind": "https", "cert": str(certificate), "key": str(key)}})
    door = HttpDoor(tmp_path, simple(origin.at(), tls=True, ca_file=str(authority.ca_file),
                                     server_name="app.example.net"))
    assert door.curl("/secret").status == 502
    assert origin.requests() == []
    # Trusting exactly that certificate is how a self-made one is used.
    if fault == "self":
        door.reload(simple(origin.at(), tls=True, ca_file=str(certificate),
                           server_name="app.example.net"))
        assert door.curl("/status?code=200").status == 200


def test_a_server_without_http2_is_not_spoken_to_in_it(tmp_path, authority):
    origin = https(tmp_path, authority, "app.example.net")
    door = HttpDoor(tmp_path, simple(origin.at(), tls=True, protocol="h2",
                                     ca_file=str(authority.ca_file),
                                     server_name="app.example.net"))
    assert door.curl("/").status == 502
    assert origin.requests() == []
