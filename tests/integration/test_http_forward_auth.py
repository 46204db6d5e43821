"""Forward authentication: nginx, Caddy and HAProxy before an application, with the configuration
of docs/examples/forward-auth/; and by hand what Traefik and Envoy send, which Debian has not."""

import hashlib
import json

import pytest
from forward_auth_lab import BROWSER, HOST, OFFICE, Front, Stage, gate_url
from harness.net import free_port, loopback_address
from http_lab import Raw

PROXIES = ("nginx", "caddy", "haproxy")


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("stage"))
    # All of them now: what a test starts, ends with it.
    for kind in PROXIES:
        stage.front(kind)
    yield stage
    stage.stop()


@pytest.fixture(params=PROXIES)
def front(request, stage):
    return stage.front(request.param)


@pytest.fixture
def visitor():
    """An address that nobody else has."""
    return loopback_address()


@pytest.fixture
def alice(stage, visitor):
    """The same, let in."""
    stage.gate.let_in(visitor)
    return visitor


def header(echo, name):
    """All values of a field that the application got."""
    return [value for key, value in echo["headers"] if key.lower() == name]


# --- Who is let in ----------------------------------------------------------------------------


def test_an_admitted_visitor_passes_with_his_name(front, alice):
    answer = front.ask(alice)
    assert answer.status == 200
    echo = answer.json()
    assert header(echo, "remote-user") == ["alice"]
    assert header(echo, "x-forwarded-for") == [alice]
    assert header(echo, "host") == [HOST]


def test_a_whitelisted_visitor_passes_without_a_name(front):
    answer = front.ask(OFFICE, "/echo", "-H", "Remote-User: root")
    assert answer.status == 200
    assert header(answer.json(), "remote-user") in ([], [""])


def test_everybody_passes_an_open_route(front, visitor):
    answer = front.ask(visitor, "/public/echo", "-H", "Remote-User: root")
    assert answer.status == 200
    assert header(answer.json(), "remote-user") in ([], [""])


def test_the_name_is_not_the_visitors_to_choose(front, alice):
    answer = front.ask(alice, "/echo", "-H", "Remote-User: root")
    assert header(answer.json(), "remote-user") == ["alice"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "REPORT"])
def test_methods_and_bodies_are_untouched(front, alice, method):
    body = bytes(range(256)) * 400
    answer = front.ask(alice, "/echo?x=%2F&y=a+b&&z", "-X", method, "-H",
                       "Content-Type: application/octet-stream", data=body)
    echo = answer.json()
    assert (answer.status, echo["method"], echo["url"]) == (200, method, "/echo?x=%2F&y=a+b&&z")
    assert echo["body"]["octets"] == len(body)
    assert echo["body"]["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_body_without_a_length_is_untouched(front, alice):
    body = b"in chunks " * 20_000
    echo = front.ask(alice, "/echo", "-H", "Transfer-Encoding: chunked", data=body).json()
    assert echo["body"]["sha256"] == hashlib.sha256(body).hexdigest()


def test_head_has_no_body(front, alice):
    # Head and all to the end of the connection: curl would not look for a body.
    with Raw((front.host, 8080), source=(alice, 0)) as raw:
        raw.get("/bytes?n=1234", "Connection: close", method="HEAD", host=HOST)
        answer = raw.head()
        assert (answer.status, answer.get("content-length")) == (200, "1234")
        assert raw.ends()


def test_a_long_url_passes(front, alice):
    target = "/echo?q=" + "0123456789" * 700
    answer = front.ask(alice, target)
    assert answer.status == 200
    assert answer.json()["url"] == target


# --- Who is not -------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [
    "/",
    "/a/b?c=d&e=f",
    "/caf%C3%A9/a%20b;p=1?q=%26%3D%23&next=/x?y=z&empty=&plus=a+b&&quote='%22",
    "/.sallyportly",
    "/?rd=http://evil.example/",
    "/long?" + "&".join(f"key{i}=value{i}" for i in range(200)),
], ids=["root", "query", "odd", "dot", "nested", "long"])
def test_a_browser_is_sent_to_the_gate_and_can_come_back(front, visitor, target):
    answer = front.ask(visitor, target, *BROWSER)
    assert answer.status in (302, 303)
    assert answer.all("location") == [gate_url(target)]


def test_a_url_too_long_to_be_carried_leads_to_the_gate_all_the_same(front, visitor):
    answer = front.ask(visitor, "/?q=" + "0123456789" * 500, *BROWSER)
    assert answer.status in (302, 303)
    assert answer.get("location") == f"http://{HOST}/.sallyport/"


def test_a_browsers_form_is_sent_to_the_gate(stage, front, visitor):
    answer = front.ask(visitor, "/echo/form", *BROWSER, data=b"a=b")
    assert answer.status in (302, 303)
    assert answer.get("location") == gate_url("/echo/form")
    assert "POST /echo/form" not in stage.app.requests()


def test_a_head_is_not_waited_for(front, visitor):
    """The question about a HEAD is a GET: it gets its answer whole."""
    for options, statuses in ((BROWSER, (302, 303)), ((), (401,))):
        answer = front.ask(visitor, "/echo", "--head", *options)
        assert answer.status in statuses


@pytest.mark.parametrize("options", [
    (),
    ("-H", "Accept: application/json"),
    (*BROWSER, "-H", "X-Requested-With: XMLHttpRequest"),
    (*BROWSER, "-H", "Sec-Fetch-Mode: cors", "-H", "Sec-Fetch-Dest: empty"),
], ids=["nothing", "json", "ajax", "fetch"])
def test_a_program_gets_401_in_json(front, visitor, options):
    answer = front.ask(visitor, "/echo", *options)
    assert answer.status == 401
    assert answer.get("content-type").startswith("application/json")
    assert answer.json()["error"] == "second_factor_required"
    if front.kind == "haproxy":
        assert answer.get("www-authenticate").startswith(f'Sallyport realm="{HOST}", gate="')


def test_nothing_of_him_reaches_the_application(stage, front, visitor):
    path = f"/echo/unasked-{front.kind}"
    front.ask(visitor, path, *BROWSER)
    front.ask(visitor, path, data=b"body")
    assert not [line for line in stage.app.requests() if path in line]


@pytest.mark.parametrize("target", ["/internal", "/internal/x?y", "/public/../internal",
                                    "//internal", "/%69nternal", "/public/%2e%2e/internal"])
def test_a_denied_path_is_403_for_everybody(front, alice, target):
    assert front.ask(alice, target, *BROWSER).status == 403
    assert front.ask(alice, target).status == 403


def test_a_host_that_is_not_served_is_not(stage, front, alice):
    path = f"/echo/other-{front.kind}"
    answer = front.ask(alice, path, host="other.example.net")
    assert not [line for line in stage.app.requests() if path in line], answer


def test_when_the_grant_ends_the_next_request_is_refused(stage, front, visitor):
    number = stage.gate.let_in(visitor, f"bob-{front.kind}").splitlines()[1].split()[0]
    assert front.ask(visitor).status == 200
    stage.gate.grant("revoke", number)
    assert front.ask(visitor).status == 401
    stage.gate.let_in(visitor, f"bob-{front.kind}")
    assert front.ask(visitor).status == 200
    stage.gate.grant("revoke", "--user", f"bob-{front.kind}")
    assert front.ask(visitor).status == 401


# --- Who pretends -----------------------------------------------------------------------------


@pytest.mark.parametrize("line", [
    "X-Forwarded-For: {friend}", "X-Forwarded-For: {friend}, 127.0.0.1", "Forwarded: for={friend}",
    "X-Real-IP: {friend}", "X-Client-IP: {friend}", "True-Client-IP: {friend}",
    "X-Original-Forwarded-For: {friend}", "X_Forwarded_For: {friend}",
])
def test_an_address_that_the_visitor_claims_is_not_his(stage, front, visitor, line):
    friend = loopback_address()
    stage.gate.let_in(friend)
    assert front.ask(friend).status == 200
    assert front.ask(visitor, "/echo", "-H", line.format(friend=friend)).status in (401, 403)


@pytest.mark.parametrize("lines", [
    ("X-Forwarded-Uri: /public/x",), ("X-Forwarded-Method: OPTIONS",),
    ("X-Forwarded-Host: open.example.net",), ("X-Forwarded-Proto: https",),
    ("X-Original-URL: http://app.example.net/public/x", "X-Original-Method: GET"),
    ("X-Original-URI: /public/x",), ("X-Rewrite-URL: /public/x",),
    ("Connection: X-Forwarded-For, X-Forwarded-Uri, X-Original-URL",),
])
def test_a_url_that_the_visitor_claims_is_not_asked_about(front, visitor, lines):
    options = [word for line in lines for word in ("-H", line)]
    answer = front.ask(visitor, "/echo", *BROWSER, *options)
    # Refused for what he does send, or sent to the gate for what he does ask.
    assert answer.status in (302, 303, 403), answer
    if answer.status != 403:
        assert answer.get("location") == gate_url("/echo")


def test_the_request_lines_host_is_the_one_that_counts(stage, front, visitor):
    """RFC 9112 §3.2.2: the target's authority goes before Host."""
    path = f"/echo/two-names-{front.kind}"
    with Raw((front.host, 8080), source=(visitor, 0)) as raw:
        raw.send(f"GET http://{HOST}{path} HTTP/1.1\r\nHost: open.example.net\r\n"
                 "Connection: close\r\n\r\n")
        assert raw.answer().status in (400, 401, 403, 421)
    assert not [line for line in stage.app.requests() if path in line]


def test_questions_are_not_asked_from_outside(front, alice):
    for name in (*PROXIES, "traefik", "envoy/", "envoy/public"):
        assert front.ask(alice, f"/.sallyport/auth/{name}").status == 404


def test_the_gates_pages_are_there_for_everybody(stage, front, visitor):
    page = front.ask(visitor, "/.sallyport/?rd=http%3A%2F%2Fapp.example.net%2F", *BROWSER)
    assert page.status == 401 and visitor in page.text and HOST in page.text
    stage.gate.let_in(visitor)
    assert front.ask(visitor, "/.sallyport/", *BROWSER).status == 200


@pytest.mark.parametrize("kind", PROXIES)
def test_without_sallyport_nobody_passes(stage, tmp_path, kind, alice):
    nowhere = loopback_address()
    front = Front(tmp_path, kind, f"{nowhere}:{free_port(nowhere)}", stage.app.at())
    assert front.ask(alice, f"/echo/closed-{kind}").status >= 500
    assert not [line for line in stage.app.requests() if f"closed-{kind}" in line]


# --- The contracts, by hand -------------------------------------------------------------------


def question(target="/echo?a=b", visitor="192.0.2.1", method="GET", proto="https", host=HOST):
    """What Traefik sends (ForwardAuth): GET, and the original in X-Forwarded-*."""
    return {"X-Forwarded-Method": method, "X-Forwarded-Proto": proto, "X-Forwarded-Host": host,
            "X-Forwarded-Uri": target, "X-Forwarded-For": visitor, "X-Forwarded-Port": "443",
            "X-Forwarded-Server": "traefik", "X-Real-Ip": visitor}


def ask(gate, path, fields, *options):
    """A question that 127.0.0.1 asks."""
    lines = [word for name, value in fields.items() for word in ("-H", f"{name}: {value}")]
    return gate.curl(f"/.sallyport/auth/{path}", "--interface", "127.0.0.1", *lines, *options)


@pytest.fixture
def gate(stage):
    return stage.gate


def test_traefik_admitted(gate, alice):
    answer = ask(gate, "traefik", question(visitor=alice))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.get("remote-user") == "alice"
    assert answer.get("x-sallyport-admitted") == "granted"
    assert int(answer.get("x-sallyport-grant-until")) > 1_700_000_000
    assert answer.get("cache-control") == "no-store"


def test_traefik_whitelisted_and_open(gate, visitor):
    answer = ask(gate, "traefik", question(visitor="127.9.9.7"))
    assert (answer.status, answer.get("x-sallyport-whitelist")) == (200, "office")
    assert answer.all("remote-user") == [""]
    answer = ask(gate, "traefik", question("/public/x", visitor))
    assert (answer.status, answer.get("x-sallyport-admitted")) == (200, "open")
    assert answer.all("remote-user") == [""]


@pytest.mark.parametrize("method, status", [("GET", 302), ("HEAD", 302), ("POST", 303)])
def test_traefik_sends_a_browser_to_the_gate(gate, visitor, method, status):
    answer = ask(gate, "traefik", question("/x?y=1&z=%20", visitor, method), *BROWSER)
    assert answer.status == status
    assert answer.get("location") == gate_url("/x?y=1&z=%20").replace("http%3A", "https%3A"
                                                                      ).replace("http:", "https:")


@pytest.mark.parametrize("proto", ["wss", "ws", "https", "http"])
def test_traefik_a_program_gets_401(gate, visitor, proto):
    answer = ask(gate, "traefik", question("/socket", visitor, proto=proto))
    assert answer.status == 401
    told = answer.json()
    assert (told["error"], told["address"]) == ("second_factor_required", visitor)
    secure = "https" if proto in ("https", "wss") else "http"
    assert told["gate"].startswith(f"{secure}://{HOST}/.sallyport/?rd={secure}%3A")
    assert answer.get("www-authenticate").startswith(f'Sallyport realm="{HOST}", gate="')


def test_traefik_denied(gate, alice):
    for target in ("/internal", "/internal/x", "/public/../internal"):
        assert ask(gate, "traefik", question(target, alice), *BROWSER).status == 403
    assert ask(gate, "traefik", question(visitor=alice, host="other.example.net")).status == 403


def envoy(gate, target, visitor, *options, proto="https"):
    """What Envoy sends (ext_authz over HTTP): the original method and Host, no content, the path
    behind the prefix."""
    fields = {"Host": HOST, "Content-Length": "0", "X-Forwarded-For": visitor}
    if proto:
        fields["X-Forwarded-Proto"] = proto
    return ask(gate, "envoy" + target, fields, *options)


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_envoy(gate, alice, visitor, version):
    other = loopback_address()
    for method in ("GET", "POST", "DELETE"):
        answer = envoy(gate, "/echo?a=b", alice, "-X", method, version)
        assert (answer.status, answer.get("remote-user"), answer.body) == (200, "alice", b"")
    assert envoy(gate, "/public/x", other, version).status == 200
    assert envoy(gate, "/internal", alice, version).status == 403
    assert envoy(gate, "/public/../internal", alice, version).status == 403
    # The path of the question itself cannot be climbed out of.
    assert envoy(gate, "/../../../public/x", other, version).status == 200
    assert envoy(gate, "/../traefik", other, version).status == 401
    answer = envoy(gate, "/x?y=1", other, *BROWSER, version)
    assert answer.status == 302
    assert answer.get("location").endswith("?rd=https%3A%2F%2Fapp.example.net%2Fx%3Fy%3D1")
    answer = envoy(gate, "/x?y=1", other, *BROWSER, version, proto=None)
    assert answer.get("location").endswith("?rd=http%3A%2F%2Fapp.example.net%2Fx%3Fy%3D1")
    assert envoy(gate, "", other, version).status == 401


# What the proxy has to say, by endpoint, and what is missing without it.
MISSING = [
    ("traefik", "X-Forwarded-Method", "method"), ("traefik", "X-Forwarded-Proto", "scheme"),
    ("traefik", "X-Forwarded-Host", "host"), ("traefik", "X-Forwarded-Uri", "path"),
    ("traefik", "X-Forwarded-For", "X-Forwarded-For"), ("caddy", "X-Forwarded-Uri", "path"),
    ("haproxy", "X-Forwarded-Method", "method"), ("haproxy", "X-Forwarded-For", "X-Forwarded-For"),
]


@pytest.mark.parametrize("endpoint, field, word", MISSING)
def test_a_question_that_lacks_something_is_refused_and_says_what(gate, alice, endpoint, field,
                                                                  word):
    fields = question(visitor=alice)
    assert ask(gate, endpoint, fields).status == 200
    del fields[field]
    answer = ask(gate, endpoint, fields)
    assert answer.status == 403 and word in answer.json()["message"]
    # There twice, one of them may be the visitor's.
    if field != "X-Forwarded-For":
        twice = question(visitor=alice)
        assert ask(gate, endpoint, twice, "-H", f"{field}: {twice[field]}").status == 403


def test_nginx_says_it_in_fields_of_its_own(gate, alice):
    fields = {"X-Original-URL": f"https://{HOST}/echo?a=b", "X-Original-Method": "GET",
              "X-Forwarded-For": alice}
    assert ask(gate, "nginx", fields).status == 200
    assert ask(gate, "nginx", question(visitor=alice)).status == 403
    assert ask(gate, "traefik", fields).status == 403
    for wrong in ("/echo", "ftp://app.example.net/", f"https://user@{HOST}/", "https:///echo"):
        assert ask(gate, "nginx", {**fields, "X-Original-URL": wrong}).status == 403


def test_only_trusted_proxies_may_ask(gate, alice):
    for path in ("traefik", "nginx", "envoy/public/x"):
        fields = {**question("/public/x", alice), "X-Original-Method": "GET",
                  "X-Original-URL": f"http://{HOST}/public/x"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        with gate.raw(source=(alice, 0)) as raw:
            answer = raw.get(f"/.sallyport/auth/{path}", lines.strip(), host=HOST).answer()
        assert answer.status == 403
        assert "trusted_proxies" in json.loads(answer.body)["message"]


def test_the_proxy_itself_is_nobodys_visitor(gate):
    """A proxy's own address is often let in somewhere; without a visitor it must not count."""
    gate.let_in("127.0.0.1", "proxy")
    fields = question()
    del fields["X-Forwarded-For"]
    assert ask(gate, "traefik", fields).status == 403
    assert ask(gate, "traefik", {**fields, "X-Forwarded-For": "unknown"}).status == 403
    gate.grant("revoke", "--user", "proxy")


def test_many_questions_on_one_connection(gate, alice, visitor):
    other = loopback_address()
    with gate.raw(source=("127.0.0.1", 0)) as raw:
        for asked, status in ((alice, 200), (other, 401), (alice, 200), (other, 401)):
            lines = [f"{name}: {value}" for name, value in question(visitor=asked).items()]
            answer = raw.get("/.sallyport/auth/traefik", *lines, host="gate").answer()
            assert answer.status == status
