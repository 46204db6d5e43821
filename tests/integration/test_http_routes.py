"""Where a request goes and what becomes of it on the way: hosts, paths, methods, headers;
rewriting; answers of our own; bounds of bodies; one form of a path; routes changed under traffic.
"""

import threading

import pytest
from harness import wait_until
from http_lab import HttpDoor, Node, Scripted, listener, pool, route, simple


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path, {name: {"kind": "http1"} for name in ("a", "b")})


def pools(origin):
    return pool("a", [origin.at("a")]) + pool("b", [origin.at("b")])


def says(text, **more):
    """A route that answers with its own name."""
    return route(respond=200, respond_body=text, **more)


def ask(door, path="/", host="www.example.net", *lines, method="GET"):
    with door.raw() as visitor:
        return visitor.get(path, *lines, method=method, host=host).answer(to=method)


# --- Which route -----------------------------------------------------------------------------


def test_hosts(tmp_path):
    door = HttpDoor(tmp_path, listener()
                    + says("exact", hosts=["www.example.net"])
                    + says("wild", hosts=["*.example.net"])
                    + says("other", hosts=["example.org"]))
    for host, wanted in {
            "www.example.net": "exact", "WWW.Example.NET:8080": "exact",
            "www.example.net.": "exact", "api.example.net": "wild",
            "a.b.example.net": "wild", "example.org": "other"}.items():
        assert ask(door, host=host).text == wanted, host
    for host in "example.net", "www.example.org", "notexample.net", "127.0.0.1":
        assert ask(door, host=host).status == 421, host


def test_a_route_for_every_host(tmp_path):
    door = HttpDoor(tmp_path, listener() + says("one", hosts=["www.example.net"]) + says("all"))
    assert ask(door).text == "one"
    assert ask(door, host="unheard.of").text == "all"
    with door.raw() as visitor:
        assert visitor.send("GET / HTTP/1.0\r\n\r\n").answer().text == "all"


def test_paths_methods_and_headers(tmp_path):
    door = HttpDoor(tmp_path, listener()
                    + says("blue", path_prefix="/api", headers=["X-Tenant: blue", "X-Any"])
                    + says("writes", path_prefix="/api", methods=["POST", "PUT"])
                    + says("reads", path_prefix="/api", methods=["GET"])
                    + route(path_prefix="/closed", policy="deny"))
    for path in "/api", "/api/", "/api/v1", "/api;x=1", "/api?x", "/%61pi":
        assert ask(door, path).text == "reads", path
    assert ask(door, "/api", method="HEAD").status == 200
    assert ask(door, "/api", "x", "Content-Length: 0", method="POST").text == "writes"
    assert ask(door, "/api", "x", "X-Tenant: blue", "X-Any:").text == "blue"
    assert ask(door, "/api", "x", "x-tenant: red", "X-Tenant: blue", "X-Any: 1").text == "blue"
    for lines in ["X-Tenant: Blue", "X-Any: 1"], ["X-Tenant: blue"]:
        assert ask(door, "/api", "x", *lines).text == "reads", lines
    for path, method in ("/apix", "GET"), ("/API", "GET"), ("/", "GET"), ("/api", "DELETE"):
        assert ask(door, path, method=method).status == 404, (path, method)
    assert ask(door, "/closed/x").status == 403


# --- One form of a path ----------------------------------------------------------------------


@pytest.mark.parametrize("asked,sent", [
    ("/%61dmin", "/admin"), ("//admin", "/admin"), ("/a/../admin", "/admin"),
    ("/./admin/.", "/admin/"), ("/a%2fb", "/a%2Fb"), ("/{id}", "/%7Bid%7D"), ("/..", "/"),
    ("/../../x", "/x"), ("/a%2Fb/..", "/"), ("/x;p=1/y?q=../%61", "/x;p=1/y?q=../%61"),
    ("http://www.example.net/%7Euser", "/~user"), ("/admin%3Bx", "/admin%3Bx")])
def test_what_is_matched_is_what_is_sent(shared, asked, sent):
    door, origin = shared
    answer = ask(door, asked)
    assert answer.json()["url"] == sent
    wanted = "b" if sent.startswith("/admin") else "a"
    assert answer.get("x-origin") == wanted


@pytest.mark.parametrize("path", [
    "/..;x/admin", "/a/;x/", "/..%2Fadmin", "/%5C..", "/a\\b", "/%00", "/%0d%0a", "/%C0%AE", "/%zz",
    "/%", "/a#b"])
def test_what_could_be_read_in_two_ways_is_refused(shared, path):
    door, origin = shared
    before = origin.stats("a")["requests"], origin.stats("b")["requests"]
    assert ask(door, path).status == 400
    assert before == (origin.stats("a")["requests"], origin.stats("b")["requests"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One door and origin for the tables above: /admin is b's, the rest a's."""
    folder = tmp_path_factory.mktemp("shared")
    origin = Node(folder, {name: {"kind": "http1"} for name in ("a", "b")})
    door = HttpDoor(folder, listener() + pools(origin)
                    + route(path_prefix="/admin", pool="b") + route(pool="a"))
    yield door, origin
    door.stop()
    origin.stop()


# --- On the way ------------------------------------------------------------------------------


def test_rewriting(tmp_path, origin):
    door = HttpDoor(tmp_path, listener() + pools(origin) + route(
        path_prefix="/shop/orders", pool="a", strip_prefix="/shop/orders", add_prefix="/v2",
        request_headers=["set X-Visitor: {visitor}", "set X-Asked: {host}{uri}", "remove Cookie",
                         "add X-More: two", "set X-Brace: {other}"],
        response_headers=["set Cache-Control: no-store", "remove X-Powered-By", "add X-Kept: 3"])
        + route(path_prefix="/strip", pool="a", strip_prefix="/strip",
                request_headers=["set Host: inner.example"])
        + route(path_prefix="/own", pool="a", preserve_host=False) + route(pool="a"))
    answer = ask(door, "/shop/orders/7?full", "Shop.example.net:81", "Cookie: a=1", "X-More: one",
                 "x-visitor: me", "X-Forwarded-For: 1.2.3.4")
    seen = answer.json()
    headers = [tuple(pair) for pair in seen["headers"]]
    assert seen["url"] == "/v2/7?full"
    assert [v for n, v in headers if n == "x-visitor"] == ["127.0.0.1"]
    assert [v for n, v in headers if n == "x-more"] == ["one", "two"]
    assert ("x-asked", "shop.example.net/shop/orders/7?full") in headers
    assert ("x-brace", "{other}") in headers and ("x-forwarded-for", "127.0.0.1") in headers
    assert "cookie" not in dict(headers)
    assert answer.get("cache-control") == "no-store"
    for path, url in ("/shop/orders", "/v2"), ("/strip", "/"), ("/strip/?q", "/?q"), (
            "/strip;x/y", "/y"):
        assert ask(door, path).json()["url"] == url, path
    assert dict(ask(door, "/strip/x").json()["headers"])["host"] == "inner.example"
    assert dict(ask(door, "/own").json()["headers"])["host"] == origin.at("a")
    assert ask(door, "/headers").all("x-kept") == ["one", "two"]
    assert ask(door, "/headers").get("x-powered-by") == "origin"


def test_changed_answers(tmp_path, origin):
    door = HttpDoor(tmp_path, listener() + pools(origin) + route(
        pool="a", response_headers=["remove X-Powered-By", "add X-Kept: 3", "set X-Origin: us"]))
    answer = ask(door, "/headers")
    assert answer.all("x-kept") == ["one", "two", "3"]
    assert answer.all("x-origin") == ["us"] and answer.get("x-powered-by") is None


def test_redirects_and_answers_of_our_own(tmp_path):
    door = HttpDoor(tmp_path, listener()
                    + route(hosts=["old.example.net"], redirect="https://new.example.net{uri}")
                    + route(path_prefix="/json", respond=418, respond_body="{}",
                            respond_type="application/json", response_headers=["set X-Own: yes"])
                    + route(path_prefix="/none", respond=204))
    answer = ask(door, "/a%20b/../c?d=%0a", "old.example.net")
    assert answer.status == 308 and answer.get("location") == "https://new.example.net/c?d=%0a"
    answer = ask(door, "/json")
    assert (answer.status, answer.text) == (418, "{}")
    assert answer.get("content-type") == "application/json" and answer.get("x-own") == "yes"
    assert ask(door, "/none").status == 204
    with door.raw() as visitor:  # a body that nobody reads does not become the next request
        visitor.get("/json", "Content-Length: 26", method="POST")
        visitor.send("GET /none HTTP/1.1\r\nX: y\r\n")
        assert visitor.answer().status == 418
        assert b" 204 " not in visitor.rest()


# --- Bounds of bodies ------------------------------------------------------------------------


def test_a_request_that_is_too_large(tmp_path, origin):
    door = HttpDoor(tmp_path, listener() + pools(origin)
                    + route(pool="a", max_request_body=1000))
    with door.raw() as visitor:
        visitor.get("/echo", "Content-Length: 1000", method="POST").send("x" * 1000)
        assert visitor.answer().json()["body"]["octets"] == 1000
        visitor.get("/echo", "Content-Length: 1001", method="POST")
        assert visitor.answer().status == 413
    assert len(origin.requests("a")) == 1  # the second was not even begun
    with door.raw() as visitor:
        visitor.get("/sink?key=never", "Transfer-Encoding: chunked", method="POST")
        visitor.send("3e8\r\n" + "x" * 1000 + "\r\n1\r\nx\r\n")
        assert visitor.answer().status == 413
    wait_until(lambda: origin.stats("a")["open"] <= 1, "the server is told by a closed connection")


def test_an_answer_that_is_too_large(tmp_path, origin):
    door = HttpDoor(tmp_path, listener() + pools(origin)
                    + route(pool="a", max_response_body=1000))
    assert len(door.curl("/bytes?n=1000").body) == 1000
    assert door.curl("/bytes?n=1001").status == 502
    assert door.curl("/bytes?n=1001", "--head").status == 200  # none of it comes
    answer = door.curl("/bytes?n=5000&chunked", check=False)
    assert answer.code in (18, 52, 56) and len(answer.body) <= 1000
    assert door.curl("/bytes?n=1000&chunked").status == 200


# --- Changes under traffic -------------------------------------------------------------------


def test_routes_and_pools_change_under_traffic(tmp_path, origin):
    """Every request is answered, by the old routes or the new; what has begun ends as it began."""
    first = listener() + pools(origin) + route(pool="a")
    second = listener() + pools(origin) + says("static", path_prefix="/static") + route(pool="b")
    door = HttpDoor(tmp_path, first, shards=2)
    stop = threading.Event()
    answers = []

    def visit():
        while not stop.is_set():
            with door.raw() as visitor:
                # Fewer than a connection is good for.
                for _ in range(500):
                    answer = visitor.get("/bytes?n=2000").answer()
                    answers.append((answer.status, len(answer.body), answer.get("x-origin")))

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    with door.raw() as slow:
        slow.get("/stall?key=slow")
        assert slow.head().get("x-origin") == "a"
        for thread in visitors:
            thread.start()
        for text in second, first, second:
            count = len(answers)
            wait_until(lambda: len(answers) > count + 20, "traffic")
            door.reload(text)
        wait_until(lambda: answers[-1][2] == "b", "traffic by the new route")
        stop.set()
        for thread in visitors:
            thread.join()
        origin.go("slow")
        assert slow.until("0\r\n\r\n").endswith(b"ended\r\n0\r\n\r\n")
    assert {(status, size) for status, size, _ in answers} == {(200, 2000)}
    assert {name for _, _, name in answers} == {"a", "b"}
    assert ask(door, "/static").text == "static"


def test_a_reload_that_is_wrong_changes_nothing(tmp_path, origin):
    door = HttpDoor(tmp_path, listener() + pools(origin) + route(pool="a"))
    door.write_config(listener() + pools(origin) + route(pool="nowhere"))
    door.signal(1)
    door.wait_log("nowhere")
    assert ask(door, "/echo").get("x-origin") == "a"


def test_a_pool_shrinks_and_grows(tmp_path):
    def serve(name):
        def script(connection, _number):
            while True:
                connection.request()
                connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{name}")
        return script

    with Scripted(serve("a")) as a, Scripted(serve("b")) as b:
        door = HttpDoor(tmp_path, simple(a.at, b.at))
        with door.raw() as visitor:
            for servers, wanted in ([a.at, b.at], "ab"), ([b.at], "b"), ([b.at, a.at], "ab"):
                door.reload(simple(*servers))
                got = {visitor.get().answer().text for _ in range(4)}
                assert got == set(wanted)
