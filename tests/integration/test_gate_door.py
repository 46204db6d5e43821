"""The gate as the HTTP door speaks for it: which requests come to it, in which form, and what
becomes of them when much or nothing goes on behind."""

import contextlib
import re
import select
import signal
import socket
import threading
import urllib.parse

import pytest

from gate_lab import GATE, GateDoor, Visitor
from harness.net import PATIENCE_S, loopback_address, wait_until
from harness.notakey import NotakeySimulator
from harness.sallyport import toml


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    running = GateDoor(tmp_path_factory.mktemp("gate"))
    yield running
    running.stop()


def test_a_browser_is_sent_to_the_gate_with_the_way_back(door):
    answer = Visitor(door).get("/a?b=c&d")
    assert answer.status == 302
    assert answer.get("location") == (
        f"{door.origin}{GATE}/?rd=http%3A%2F%2F{door.host}%3A{door.port}%2Fa%3Fb%3Dc%26d")


def test_a_program_gets_401_in_json(door):
    answer = Visitor(door).json("/a")
    assert answer.status == 401
    assert answer.json()["gate"].startswith(f"{door.origin}{GATE}/")


def test_the_first_page_carries_the_way_back_and_nothing_of_a_stranger(door):
    visitor = Visitor(door)
    back = f"{door.origin}/a?b=\"<c>&d"
    answer = visitor.get(f"{GATE}/?rd=" + back.replace('"', "%22").replace("&", "%26"))
    assert answer.status == 200
    # A quote has no place in a URL that is believed.
    assert "<c>" not in answer.text
    visitor.get(f"{GATE}/?rd={door.origin}/a%3Fb%3Dc%26d".replace("http://", "http%3A//"))
    assert visitor.field("rd") == f"{door.origin}/a?b=c&d"
    for stranger in ("https://evil.example/", "javascript:alert(1)", "//evil.example/"):
        answer = visitor.get(f"{GATE}/?rd={stranger}")
        assert answer.status == 200
        assert "evil" not in answer.text and "alert" not in answer.text


def test_pages_are_strict_and_not_kept(door):
    for path in (f"{GATE}/", f"{GATE}/visit", f"{GATE}/nothing"):
        answer = Visitor(door).get(path)
        policy = answer.get("content-security-policy")
        assert "default-src 'none'" in policy and "unsafe" not in policy, policy
        assert "frame-ancestors 'none'" in policy
        assert answer.get("cache-control") == "no-store"
        assert answer.get("x-content-type-options") == "nosniff"
        assert answer.get("referrer-policy") == "same-origin"


def test_pages_speak_the_visitors_language(door):
    assert '<html lang="de"' in Visitor(door, language="de-AT,en;q=0.5").get(f"{GATE}/").text
    visitor = Visitor(door)
    assert '<html lang="en"' in visitor.get(f"{GATE}/").text
    assert '<html lang="de"' in visitor.get(f"{GATE}/?lang=de").text
    assert visitor.cookies["sallyport_language"] == "de"
    assert '<html lang="de"' in visitor.get(f"{GATE}/").text
    assert visitor.get(f"{GATE}/?lang=xx").get("set-cookie") is None


def test_style_and_script_may_be_kept_by_their_hash(door):
    page = Visitor(door).get(f"{GATE}/").text
    for name in ("style.css", "script.js"):
        pinned = re.search(rf'{GATE}/{name}\?v=[^"]+', page).group(0)
        answer = Visitor(door).get(pinned)
        assert answer.status == 200 and answer.body
        assert answer.get("cache-control") == "public, max-age=31536000, immutable"
        tag = answer.get("etag")
        again = Visitor(door).get(f"{GATE}/{name}", "--header", f"If-None-Match: {tag}")
        assert again.status == 304 and not again.body
        assert again.get("cache-control") == "no-cache"
        assert Visitor(door).post(pinned, {}).status == 405


def test_another_hosts_name_has_no_gate(door):
    answer = Visitor(door).get(f"{GATE}/", "--header", "Host: evil.example")
    assert answer.status == 421


def test_a_route_for_any_host_leads_back_at_the_gates_own(tmp_path):
    """Under another name, which anybody can give in a Host field, nobody is led back."""
    door = GateDoor(tmp_path, any_host=True)
    visitor = Visitor(door)
    back = f"{door.origin}/a?b=c"
    answer = visitor.get("/a?b=c")
    assert answer.get("location").endswith("/?rd=" + urllib.parse.quote(back, safe=""))
    visitor.get(answer.get("location").removeprefix(door.origin))
    assert visitor.field("rd") == back
    answer = visitor.get("/a?b=c", "--header", "Host: evil.example")
    assert answer.get("location") == f"{door.origin}{GATE}/"
    assert "evil" not in visitor.get(f"{GATE}/?rd=http%3A%2F%2Fevil.example%2Fa").text
    door.stop()


def test_methods_and_paths_that_are_not_there(door):
    visitor = Visitor(door)
    assert visitor.get(f"{GATE}/nothing").status == 404
    answer = visitor.post(f"{GATE}/", {})
    assert (answer.status, answer.get("allow")) == (405, "GET, HEAD")
    answer = visitor.get(f"{GATE}/start")
    assert (answer.status, answer.get("allow")) == (405, "POST")
    answer = visitor.get(f"{GATE}/approve", "--request", "PUT")
    assert (answer.status, answer.get("allow")) == (405, "GET, HEAD, POST")


def test_head_is_get_without_its_content(door):
    with door.raw() as visitor:
        head = visitor.get(f"{GATE}/", method="HEAD", host=door.authority).answer(to="HEAD")
        page = visitor.get(f"{GATE}/", host=door.authority).answer()
    assert (head.status, page.status) == (200, 200)
    assert int(head.get("content-length")) == len(page.body) > 0


@pytest.mark.parametrize("form, options, status", [
    (b"user=%zz", (), 400),
    (b"user=%00", (), 400),
    (b"&".join(b"a=1" for _ in range(100)), (), 400),
    (b"user=" + b"a" * 70_000, (), 413),
    (b"user=" + b"a" * 70_000, ("--header", "Transfer-Encoding: chunked"), 413),
    (b'{"user":"alice"}', ("--header", "Content-Type: application/json"), 415),
    (b"user=alice", ("--form", "user=alice"), 415),
])
def test_what_is_no_form_is_refused(door, form, options, status):
    if "--form" in options:
        answer = Visitor(door).get(f"{GATE}/start", *options)
    else:
        answer = Visitor(door).post(f"{GATE}/start", form, *options)
    assert answer.status == status, answer


def test_a_form_in_pieces_is_read_whole(door):
    body = b"user=alice&rd="
    with door.raw() as visitor:
        visitor.get(f"{GATE}/start", f"Origin: {door.origin}", f"Content-Length: {len(body)}",
                    "Content-Type: application/x-www-form-urlencoded", method="POST",
                    host=door.authority)
        for octet in body:
            visitor.send(bytes([octet]))
        answer = visitor.answer()
        assert answer.status == 303, answer
        # The connection is good for another request.
        assert visitor.get(f"{GATE}/", host=door.authority).answer().status == 200


def test_another_sites_form_changes_nothing(door):
    visitor = Visitor(door)
    answer = visitor.post(f"{GATE}/start", {"user": "alice"}, origin="https://evil.example")
    assert answer.status == 403 and not visitor.cookies
    answer = visitor.post(f"{GATE}/start", {"user": "alice"}, "--header",
                          "Sec-Fetch-Site: cross-site")
    assert answer.status == 403 and not visitor.cookies


def test_who_starts_gets_a_visit_and_its_page(door):
    visitor = Visitor(door)
    answer = visitor.post(f"{GATE}/start", {"user": "alice", "rd": f"{door.origin}/a?b=c"})
    assert answer.status == 303 and answer.get("location").startswith(f"{GATE}/visit")
    cookie = answer.get("set-cookie")
    assert cookie.startswith("sallyport_visit=")
    assert "; HttpOnly; SameSite=Lax" in cookie and "Path=/" in cookie
    page = visitor.follow()
    assert page.status == 200 and "alice" in page.text


def test_cookies_are_bound_to_the_host_where_there_is_tls(tmp_path):
    door = GateDoor(tmp_path, gate={"insecure_cookie": None})
    answer = Visitor(door).post(f"{GATE}/start", {"user": "alice"})
    cookie = answer.get("set-cookie")
    assert cookie.startswith("__Host-sallyport-visit=") and "; Secure; " in cookie


def test_waiting_pages_are_held_until_something_happens(tmp_path):
    door = GateDoor(tmp_path, gate={"factors": ["link"]})
    waiting = Visitor(door)
    waiting.start()
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(waiting.json(f"{GATE}/wait")))
    thread.start()
    wait_until(lambda: door.metric("sallyport_gate_held") == 1, lambda: door.err())
    link = re.search(rf"{door.origin}\S*", door.wait_message()).group(0)
    reader = Visitor(door)
    reader.get(link)
    assert not answers, "looking at the link changes nothing"
    reader.submit(f"{GATE}/approve", k=reader.field("k"), answer="no")
    thread.join(PATIENCE_S)
    assert answers and answers[0].json()["error"] == "denied", answers
    wait_until(lambda: door.metric("sallyport_gate_held") == 0, door.err)
    assert door.metric(
        'sallyport_gate_answers_total{path="/start",outcome="redirect"}') == 1


def test_who_goes_away_is_not_waited_for(tmp_path):
    door = GateDoor(tmp_path, gate={"factors": ["link"]})
    visitor = Visitor(door)
    visitor.start()
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    with door.raw() as leaving:
        leaving.get(f"{GATE}/wait", f"Cookie: {cookies}", "Accept: application/json",
                    host=door.authority)
        wait_until(lambda: door.metric("sallyport_gate_held") == 1, lambda: door.err())
    wait_until(lambda: door.metric("sallyport_gate_held") == 0, lambda: door.err())


def test_a_stop_answers_all_that_is_held(tmp_path):
    door = GateDoor(tmp_path, gate={"factors": ["link"]})
    visitor = Visitor(door)
    visitor.start()
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    with door.raw() as waiting:
        waiting.get(f"{GATE}/wait", f"Cookie: {cookies}", "Accept: application/json",
                    host=door.authority)
        wait_until(lambda: door.metric("sallyport_gate_held") == 1, lambda: door.err())
        door.signal(signal.SIGTERM)
        assert waiting.answer().status == 200
    assert door.wait_exit() == 0


def is_readable(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


@contextlib.contextmanager
def silent_redis():
    """A server that takes connections and never answers."""
    with socket.create_server((loopback_address(), 0), backlog=64) as server:
        yield "{}:{}".format(*server.getsockname())


def test_too_many_questions_get_503_and_the_rest_goes_on(tmp_path):
    with silent_redis() as redis, contextlib.ExitStack() as stack:
        key = tmp_path / "store.key"
        store = {"type": "redis", "servers": [redis], "key_file": str(key), "timeout": "2s"}
        door = GateDoor(tmp_path, gate={"threads": 1}, store=store)
        visitors = [stack.enter_context(door.raw()) for _ in range(1_200)]
        for visitor in visitors:
            visitor.get(f"{GATE}/visit", "Cookie: sallyport_visit=" + "a" * 43,
                        "Accept: text/html", host=door.authority)
        wait_until(lambda: door.metric("sallyport_gate_refused_total") > 0, lambda: door.err())
        # Whoever was refused, which need not be the last; others may have waited in vain by now.
        told = {}

        def refused():
            for one in visitors:
                if one not in told and is_readable(one.socket):
                    told[one] = one.answer()
            return [one for one in told.values() if one.get("retry-after") == "2"]

        answer = wait_until(refused, lambda: f"{told}")[0]
        assert answer.status == 503
        # What the shard has by itself does not wait for anybody.
        assert Visitor(door).get(f"{GATE}/").status == 200
        assert Visitor(door).json("/a").status == 401


def test_a_reload_changes_the_gate(tmp_path):
    door = GateDoor(tmp_path)
    assert "Example" in Visitor(door).get(f"{GATE}/").text
    door.reload(door.text.replace('issuer = "Example"', 'issuer = "Other & Sons"'))
    wait_until(lambda: "Other &amp; Sons" in Visitor(door).get(f"{GATE}/").text,
               lambda: door.err())


def test_no_secret_is_in_the_log(tmp_path):
    door = GateDoor(tmp_path)
    visitor = Visitor(door)
    visitor.start()
    code = re.search(r"\d{6}", door.wait_message()).group(0)
    for secret in (code, visitor.cookies["sallyport_visit"]):
        assert secret not in door.err()
    assert (tmp_path / "gate.db.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("user, error", [("alice", None), ("denise", "denied")])
def test_a_push_is_asked_and_its_verdict_moves_the_page_on(tmp_path, user, error):
    phone = NotakeySimulator(tmp_path)
    service = toml({"notakey": {"host": phone.host, "access_id": phone.access_id, "ttl": "60s",
                                "description": "Log in as {user} from {address}?",
                                **phone.settings}})
    door = GateDoor(tmp_path, gate={"factors": ["push"]}, more=service,
                    users=[{"id": "alice"}, {"id": "denise"}])
    visitor = Visitor(door)
    visitor.start(user)
    wait_until(phone.requests, lambda: door.err())
    told = phone.requests()[0]["description"]
    assert told.startswith(f"Log in as {user} from {door.host[:4]}"), told
    assert re.search(r"\? \(curl\) \d\d$", told), told
    # The verdict comes by a job of the gate's, through the store, to whoever waits.
    news = visitor.json(f"{GATE}/wait").json()
    if error:
        assert news["error"] == error
    else:
        wait_until(lambda: visitor.get(f"{GATE}/visit") and visitor.get("/").status == 200,
                   lambda: door.err())
