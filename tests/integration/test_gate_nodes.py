"""Several nodes on one Redis: what a visitor or an operator does at one holds at the others, and a
Redis that is away keeps nobody out who is in."""

import contextlib
import re
import signal
import subprocess
import threading

import pytest

from gate_lab import GATE, GateDoor, Visitor
from gate_peers import Redis
from gate_ways import begin, enter, grants, key_of, sallyport, someone
from harness.net import loopback_address, wait_until
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT
from http_lab import Node, Raw, pool, route

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank")
USERS = tuple({"id": name, "mail": f"{name}@example.net"} for name in NAMES)
HANDSHAKE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: " + "A" * 22 + "==")


class Nodes:
    """Two daemons with one Redis and one key, in front of a web server."""

    def __init__(self, folder, **gate):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.redis = Redis(folder, durable=True)
        self.app = Node(folder / "app")
        self.first, self.second = (
            GateDoor(folder / name, users=USERS, page={"pool": "app"},
                     gate={"factors": ["token", "link"], **gate},
                     store={"type": "redis", "servers": [self.redis.at], "timeout": "10s",
                            "key_file": str(folder / "store.key")},
                     more=pool("app", [self.app.at()]))
            for name in ("first", "second"))

    def stop_redis(self):
        assert self.redis.terminate_and_wait() == 0

    def start_redis(self):
        self.redis = Redis(self.folder, at=self.redis.at, durable=True)

    def stop(self):
        for process in (self.first, self.second, self.app, self.redis):
            process.stop()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    running = Nodes(tmp_path_factory.mktemp("nodes"))
    yield running
    running.stop()


def at(door, visitor):
    """The same browser, that now comes to this node."""
    visitor.door = door
    return visitor


def wait_in(door, source):
    wait_until(Visitor(door, source).is_in, lambda: door.err()[-4000:])


def wait_out(door, source):
    wait_until(Visitor(door, source).is_out, lambda: door.err()[-4000:])


# --- What is done at one holds at the other ---------------------------------------------------


def test_a_grant_made_at_one_node_opens_the_other(nodes):
    visitor = someone(nodes.first)
    source = visitor.options[1]
    assert not Visitor(nodes.second, source).is_in()
    enter(visitor, "alice")
    wait_in(nodes.second, source)
    mine = [[grant for grant in grants(door) if grant["address"] == source]
            for door in (nodes.first, nodes.second)]
    assert [grant["user"] for grant in mine[0]] == ["alice"]
    assert mine[0] == mine[1]


def test_an_operator_at_one_node_opens_and_closes_the_other(nodes):
    source = loopback_address()
    sallyport(nodes.second, "grants", "add", source, "--user", "bob", "--for", "5m")
    wait_in(nodes.first, source)
    sallyport(nodes.first, "grants", "revoke", "--address", source)
    wait_out(nodes.second, source)


@pytest.mark.parametrize("kind", ["websocket", "download", "events"])
def test_a_revocation_at_one_node_cuts_off_what_is_open_at_the_other(nodes, kind):
    hers, his = loopback_address(), loopback_address()
    enter(Visitor(nodes.first, hers), "carol")
    enter(Visitor(nodes.first, his), "dave")
    for source in (hers, his):
        wait_in(nodes.second, source)
    path, lines, status, begun = {
        "websocket": ("/ws", HANDSHAKE, 101, ""),
        "download": ("/stall?key=download", (), 200, "begun "),
        "events": ("/sse?key=events", (), 200, "data: 0\n\n")}[kind]
    with contextlib.ExitStack() as stack:
        open_ = []
        for source in (hers, his):
            visitor = stack.enter_context(Raw(nodes.second.address, source=(source, 0)))
            visitor.get(path, *lines, host=nodes.second.authority)
            assert visitor.head().status == status
            if begun:
                visitor.until(begun)
            open_.append(visitor)
        sallyport(nodes.first, "grants", "revoke", "--user", "carol")
        # Neither the end of the chunks nor anything else.
        assert open_[0].rest() in (b"", b"\r\n")
        if kind == "websocket":
            open_[1].send(b"\x81\x82\0\0\0\0hi")
            assert open_[1].exactly(4) == b"\x81\x02hi"
        else:
            nodes.app.go(kind)
            open_[1].until({"download": "ended", "events": "event 1"}[kind])
    assert not Visitor(nodes.second, hers).is_in() and Visitor(nodes.second, his).is_in()


def test_a_cookie_of_one_node_is_good_at_the_other(tmp_path):
    """Both take their keys from the store. The address alone opens nothing."""
    nodes = Nodes(tmp_path, bind="cookie")
    visitor = someone(nodes.first)
    source = visitor.options[1]
    enter(visitor, "alice")
    assert visitor.is_in()
    wait_until(at(nodes.second, visitor).is_in, "in at the second node")
    assert not Visitor(nodes.second, source).is_in()
    sallyport(nodes.first, "grants", "revoke", "--user", "alice")
    wait_until(visitor.is_out, "out at the second node")
    nodes.stop()


def test_a_visit_begun_at_one_node_is_finished_at_the_other(nodes):
    visitor = someone(nodes.first)
    source = visitor.options[1]
    before = len(nodes.first.texts_to("bob"))
    begin(visitor, "bob", "token")
    code = nodes.first.code_to("bob", before + 1)
    assert 'name="code"' in at(nodes.second, visitor).get(f"{GATE}/visit").text
    visitor.submit(f"{GATE}/code", code=code)
    assert visitor.is_in()
    wait_in(nodes.first, source)
    # His browser's session, too, is known at both.
    for door in (nodes.first, nodes.second):
        assert source in at(door, visitor).get(f"{GATE}/access").text


def test_a_code_is_good_once_at_whichever_node(nodes):
    visitor = someone(nodes.first)
    before = len(nodes.first.texts_to("erin"))
    begin(visitor, "erin", "token")
    code = nodes.first.code_to("erin", before + 1)
    visitor.get(f"{GATE}/visit")
    again = at(nodes.second, someone(nodes.second))
    again.options, again.cookies, again.page = visitor.options, dict(visitor.cookies), visitor.page
    visitor.submit(f"{GATE}/code", code=code)
    assert visitor.is_in()
    sallyport(nodes.first, "grants", "revoke", "--user", "erin")
    wait_out(nodes.second, visitor.options[1])
    again.submit(f"{GATE}/code", code=code)
    assert not again.is_in()


def test_who_waits_at_one_node_hears_of_the_answer_at_the_other(nodes):
    waiting = someone(nodes.first)
    begin(waiting, "frank", "link")
    link = nodes.first.link_to("frank")
    heard = []
    thread = threading.Thread(target=lambda: heard.append(waiting.json(f"{GATE}/wait")))
    thread.start()
    wait_until(lambda: nodes.first.metric("sallyport_gate_held") == 1, nodes.first.err)
    reader = someone(nodes.second)
    reader.get(f"{GATE}/approve?k={key_of(link)}")
    form = {"k": reader.field("k"), "answer": "yes"}
    numbers = re.findall(r'name="number" value="(\d+)"', reader.page.text)
    reader.submit(f"{GATE}/approve", **form, **({"number": numbers[0]} if numbers else {}))
    thread.join()
    assert heard[0].status == 200, heard
    waiting.get(f"{GATE}/visit")
    assert waiting.is_in()


# --- A Redis that is away ---------------------------------------------------------------------


def cli_status(door, *words):
    done = subprocess.run([BINARY, *words, "--config", door.config], check=False, timeout=20,
                          capture_output=True, env=CLEAN_ENVIRONMENT)
    return done.returncode


def test_without_redis_who_is_in_stays_in_and_all_goes_on_when_it_is_back(tmp_path):
    nodes = Nodes(tmp_path)
    doors = (nodes.first, nodes.second)
    alice, bob = someone(nodes.first), someone(nodes.second)
    enter(alice, "alice")
    wait_in(nodes.second, alice.options[1])
    before = len(nodes.second.texts_to("bob"))
    begin(bob, "bob", "token")
    code = nodes.second.code_to("bob", before + 1)

    nodes.stop_redis()
    for door in doors:
        newcomer = someone(door)
        page = newcomer.start("carol")
        assert page.status == 503 and int(page.get("retry-after")) > 0, page
        assert "cannot be checked at the moment" in page.text
        assert not newcomer.is_in()
        assert Visitor(door, alice.options[1]).is_in()
        assert door.texts_to("carol") == []
        assert cli_status(door, "grants", "revoke", "--user", "alice") != 0
        assert Visitor(door, alice.options[1]).is_in()
    assert bob.submit(f"{GATE}/code", code=code).status == 503
    assert not bob.is_in()

    nodes.start_redis()
    wait_until(lambda: someone(nodes.first).start("carol").status == 200
               and someone(nodes.second).start("carol").status == 200,
               lambda: nodes.first.err()[-4000:])
    # Neither is a visit lost that was open, nor its code spent.
    bob.get(f"{GATE}/visit")
    bob.submit(f"{GATE}/code", code=code)
    assert bob.is_in()
    for source in (alice.options[1], bob.options[1]):
        for door in doors:
            wait_in(door, source)
    sallyport(nodes.first, "grants", "revoke", "--user", "alice")
    wait_out(nodes.second, alice.options[1])
    assert Visitor(nodes.first, bob.options[1]).is_in()


def test_a_redis_that_comes_back_with_nothing_takes_new_visitors(tmp_path):
    """It counts anew, and what it does not know any more is ended."""
    nodes = Nodes(tmp_path)
    hers = loopback_address()
    enter(Visitor(nodes.first, hers), "alice")
    wait_in(nodes.second, hers)
    nodes.stop_redis()
    nodes.redis = Redis(tmp_path, at=nodes.redis.at)
    for door in (nodes.first, nodes.second):
        wait_out(door, hers)
    visitor = someone(nodes.first)
    enter(visitor, "bob")
    assert visitor.is_in()
    wait_in(nodes.second, visitor.options[1])


def test_what_was_ended_while_a_node_heard_nothing_is_ended_there_too(tmp_path):
    """Redis ends the connections that its news come by; what went on meanwhile is caught up on."""
    nodes = Nodes(tmp_path)
    hers, his = loopback_address(), loopback_address()
    enter(Visitor(nodes.first, hers), "alice")
    wait_in(nodes.second, hers)
    nodes.second.signal(signal.SIGSTOP)
    try:
        nodes.redis.say("CLIENT", "KILL", "TYPE", "pubsub")
        sallyport(nodes.first, "grants", "revoke", "--user", "alice")
        sallyport(nodes.first, "grants", "add", his, "--user", "bob", "--for", "5m")
    finally:
        nodes.second.signal(signal.SIGCONT)
    wait_out(nodes.second, hers)
    wait_in(nodes.second, his)
