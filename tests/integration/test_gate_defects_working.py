"""Defects of doorman that kept the right ones out or broke down, each as what must not happen here.
1 to 11 of the same list are in test_gate_defects.py."""

import re
import sys

import pytest

from gate_lab import GATE, GateDoor, Visitor
from gate_peers import Redis, app_code
from gate_ways import (ASKS_YES, HAS_QR, USERS, begin, enter, grants, register, register_link,
                       sallyport, someone)
from harness.net import loopback_address, wait_until
from harness.sallyport import toml
from http_lab import Node, Raw, pool


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    running = GateDoor(tmp_path_factory.mktemp("gate"), users=USERS,
                       gate={"factors": ["token", "link", "otp"]})
    yield running
    running.stop()


def test_a_store_in_memory_does_not_break_links_nor_keep_what_is_used(tmp_path):
    """12: a link works, and is gone when it is answered."""
    door = GateDoor(tmp_path, gate={"factors": ["link"]}, store={"type": "memory"})
    waiting = someone(door)
    waiting.start()
    link = door.link_to("alice")
    reader = someone(door)
    reader.get(link)
    form = {"k": reader.field("k"), "form_token": reader.field("form_token"), "answer": "yes"}
    reader.post(f"{GATE}/approve", form)
    waiting.get(f"{GATE}/visit")
    assert waiting.is_in()
    assert ASKS_YES not in reader.get(link).text


def test_asking_again_does_not_take_the_code_away_nor_block_anybody(door):
    """13: a stranger who gives the same name neither."""
    stranger, visitor = someone(door), someone(door)
    begin(stranger, "heidi", "token")
    door.code_to("heidi", 1)
    begin(visitor, "heidi", "token")
    door.code_to("heidi", 2)
    begin(visitor, "heidi", "token")
    code = door.code_to("heidi", 3)
    begin(stranger, "heidi", "token")
    door.code_to("heidi", 4)
    visitor.submit(f"{GATE}/code", code=code)
    assert visitor.is_in()


def test_the_button_of_the_apps_page_does_not_lead_elsewhere(door):
    """14: the form posts the code to where it is checked, button or Enter."""
    visitor = someone(door)
    secret, _ = register(visitor, "ivan")
    page = begin(visitor, "ivan", "otp")
    form = next(form for form in re.findall(r"<form.*?</form>", page.text, re.DOTALL)
                if 'id="code"' in form or 'name="code"' in form)
    assert "<button" in form
    visitor.submit(re.search(r'action="([^"]+)"', form).group(1), code=app_code(secret))
    assert visitor.is_in()


def test_a_registration_link_does_not_end_at_the_application(door):
    """15: it works where the address is open already, on the application's own host."""
    visitor = someone(door)
    link = register_link(visitor, "alice")
    enter(visitor, "bob")
    assert visitor.is_in()
    assert "#" not in link
    page = visitor.get(link)
    assert HAS_QR in page.text and "welcome" not in page.text


def test_a_link_does_not_need_the_waiting_page(door):
    """16: an answer that is faster than the page counts."""
    waiting = someone(door)
    waiting.start("frank")
    before = len(door.links_to("frank"))
    waiting.post(f"{GATE}/factor", {"form_token": waiting.field("form_token"), "factor": "link"})
    reader = someone(door)
    reader.get(door.link_to("frank", before + 1))
    reader.submit(f"{GATE}/approve", k=reader.field("k"), answer="yes")
    waiting.get(f"{GATE}/visit")
    assert waiting.is_in()


def test_a_code_without_a_cookie_is_no_success(door):
    """17: it is an error, and opens nothing."""
    visitor = someone(door)
    answer = visitor.post(f"{GATE}/code", {"code": "123456"})
    assert answer.status >= 400, answer
    assert not visitor.is_in()


def test_a_no_is_not_taken_for_a_yes(door):
    """18: it says so on both screens, and ends the waiting."""
    before = len(door.links_to("carol"))
    waiting = someone(door)
    begin(waiting, "carol", "link")
    reader = someone(door)
    reader.get(door.link_to("carol", before + 1))
    k = reader.field("k")
    answer = reader.submit(f"{GATE}/approve", k=k, answer="maybe")
    assert "Refused" not in answer.text and "Let in" not in answer.text
    answer = reader.submit(f"{GATE}/approve", k=k, answer="no")
    assert "Refused" in answer.text
    assert "refused" in waiting.get(f"{GATE}/visit").text
    assert not waiting.is_in()


def two_nodes(tmp_path, **options):
    """Two daemons with one Redis and one key."""
    redis = Redis(tmp_path)
    store = {"type": "redis", "servers": [redis.at], "key_file": str(tmp_path / "store.key")}
    nodes = [GateDoor(tmp_path / name, store=store, **options) for name in ("a", "b")]
    return redis, *nodes


def test_an_ended_grant_does_not_live_on_in_another_node(tmp_path):
    """19: what one node ends, the other does not let in any more."""
    _, first, second = two_nodes(tmp_path)
    source = loopback_address()
    Visitor(first, source).enter()
    there = Visitor(second, source)
    wait_until(there.is_in, lambda: second.err()[-4000:])
    sallyport(first, "grants", "revoke", "--user", "alice")
    wait_until(there.is_out, lambda: second.err()[-4000:])
    assert not Visitor(first, source).is_in()


def test_a_reload_does_not_end_the_daemon_nor_what_is_open(tmp_path):
    """20: with Redis, again and again."""
    redis = Redis(tmp_path)
    door = GateDoor(tmp_path, store={"type": "redis", "servers": [redis.at],
                                     "key_file": str(tmp_path / "store.key")})
    alice = someone(door)
    alice.enter()
    for issuer in ("One", "Two", "Three"):
        door.reload(door.text.replace('issuer = "Example"', f'issuer = "{issuer}"'))
    assert alice.is_in()
    bob = someone(door)
    bob.enter()
    assert bob.is_in()


def test_access_is_not_stuck_with_its_first_end_and_names_its_user(door):
    """21: it can be extended, and says who opened it."""
    alice = someone(door)
    source = alice.options[1]
    sallyport(door, "grants", "add", source, "--user", "bob", "--for", "5m")
    before = [grant for grant in grants(door) if grant["address"] == source]
    assert [grant["user"] for grant in before] == ["bob"]
    enter(alice, "alice")
    after = {grant["user"]: grant for grant in grants(door) if grant["address"] == source}
    assert after["alice"]["until"] > before[0]["until"]
    assert "token" in after["alice"]["by"]


def test_a_channel_that_hangs_keeps_nobody_waiting(tmp_path):
    """22: the answer comes at once, and the command is ended with its time."""
    channel = {"name": "stuck", "type": "command", "command": ["/bin/sleep", "3600"],
               "timeout": "300ms", "attempts": 1}
    next_one = {"name": "file", "type": "command", "command": [
        sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write('sent')",
        str(tmp_path / "sent")]}
    door = GateDoor(tmp_path, channel=channel, more=toml({"gate.channel": [next_one]}))
    assert 'name="code"' in someone(door).start().text
    wait_until(lambda: (tmp_path / "sent").exists(), lambda: door.err()[-4000:])


def test_who_is_not_let_in_costs_no_question_to_the_store(tmp_path):
    """23: and no lines of the log, even where it says most."""
    redis = Redis(tmp_path)
    door = GateDoor(tmp_path, store={"type": "redis", "servers": [redis.at],
                                     "key_file": str(tmp_path / "store.key")})
    assert not someone(door).is_in()
    calls, lines = redis.calls(), len(door.err().splitlines())
    with door.raw() as visitor:
        for _ in range(500):
            visitor.get("/", "Accept: text/html", host=door.authority)
            assert visitor.answer().status == 302
    assert redis.calls() - calls < 100
    assert len(door.err().splitlines()) - lines < 100


def test_a_websocket_does_not_outlive_its_grant(tmp_path):
    """24: it is cut off when the time is over."""
    origin = Node(tmp_path / "origin")
    door = GateDoor(tmp_path, http={"access_duration": "10s"}, page={"pool": "app"},
                    more=pool("app", [origin.at()]))
    source = loopback_address()
    Visitor(door, source).enter()
    with Raw(door.address, source=(source, 0)) as socket:
        socket.get("/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: " + "A" * 22 + "==", host=door.authority)
        assert socket.head().status == 101
        socket.send(b"\x81\x82\0\0\0\0hi")
        assert socket.exactly(4) == b"\x81\x02hi"
        socket.rest()
    assert not Visitor(door, source).is_in()
