"""SIGUSR2 for a daemon with an HTTP door: the listening sockets change hands, the old process
answers what it has begun and tells its visitors to come anew."""

import pathlib
import socket
import subprocess
import threading

import pytest
from gate_lab import GATE, GateDoor
from gate_ways import someone
from h2_visitor import H2Visitor
from harness.net import wait_until
from harness.sallyport import toml
from http_lab import HttpDoor, Node, Raw, listener, pool, route
from takeover_lab import Generations
from test_http_grants import ALICE, BOB, config, grant, listed, open_for, status

RUN = 300  # requests of one curl, on one connection as far as it is let


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path)


@pytest.fixture
def start(tmp_path):
    started = []

    def start_one(text="", door=None, **options):
        started.append(Generations(door or HttpDoor(tmp_path, text, **options)))
        return started[-1]

    yield start_one
    for generations in started:
        generations.stop()


def stored(tmp_path):
    return toml({"store": {"type": "sqlite", "path": str(tmp_path / "state.db")}})


class Curl(threading.Thread):
    """Asks on and on with the real curl, which keeps its connection. `told`: what was not a 200."""

    def __init__(self, door):
        super().__init__(daemon=True)
        self.command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--output",
                        "/dev/null", "--write-out", "%{http_code}\n", "--max-time", "60",
                        f"{door.url('/')}?[1-{RUN}]"]
        self.over = False
        self.answers, self.told = 0, []

    def run(self):
        while not self.over:
            done = subprocess.run(self.command, check=False, capture_output=True, text=True)
            codes = done.stdout.split()
            self.answers += len(codes)
            self.told += [code for code in codes if code != "200"]
            if done.returncode != 0 or len(codes) != RUN:
                self.told.append(done.stderr)


class H2(threading.Thread):
    """The same by HTTP/2, by a visitor that heeds GOAWAY: curl 7.88 uses such a connection on."""

    def __init__(self, door):
        super().__init__(daemon=True)
        self.door = door
        self.over = False
        self.answers, self.told = 0, []

    def run(self):
        while not self.over:
            with H2Visitor(self.door.address) as visitor:
                while not self.over and not visitor.goaways:
                    try:
                        head, _ = visitor.answer(visitor.ask("/"))
                    except (AssertionError, ConnectionError) as error:
                        self.told.append(repr(error))
                        break
                    self.answers += 1
                    if dict(head)[":status"] != "200":
                        self.told.append(dict(head)[":status"])


@pytest.mark.parametrize("visitor", [Curl, H2])
def test_no_request_is_lost(start, origin, visitor):
    generations = start(listener() + route(pool="app") + pool("app", [origin.at()]), shards=2)
    visitors = [visitor(generations.door) for _ in range(4)]
    for one in visitors:
        one.start()
    for _ in range(2):
        before = [one.answers for one in visitors]
        wait_until(lambda before=before: all(
            one.answers > count for one, count in zip(visitors, before)), "answers for all")
        generations.take_over()
        generations.wait_end_of_old()
    for one in visitors:
        one.over = True
    for one in visitors:
        one.join(60)
    assert [sorted(set(one.told)) for one in visitors] == [[]] * len(visitors)


def test_what_is_under_way_goes_on(start, origin):
    """A stream of events and a WebSocket's like are kept, a visitor who comes again is sent on, and
    one who asks nothing is let go."""
    generations = start(listener() + route(pool="app") + pool("app", [origin.at()]))
    door = generations.door
    with door.raw() as events, door.raw() as again, door.raw() as idle:
        events.get("/sse?key=events")
        assert events.head().status == 200
        for visitor in (again, idle):
            assert visitor.get("/").answer().status == 200
        generations.take_over()
        last = again.get("/").answer()
        assert last.status == 200 and last.get("connection") == "close"
        assert again.ends() and idle.ends()
        with door.raw() as new:
            assert new.get("/").answer().get("connection") != "close"
        origin.go("events")
        assert b"data" in events.until(b"\n\n")
        assert "still answers" in generations.ask()
    generations.wait_end_of_old()


def test_grants_are_those_of_the_store(start, tmp_path, origin):
    """Known to the new process at once; one that it ends cuts off what the old one still serves."""
    generations = start(stored(tmp_path) + config(origin))
    door = generations.door
    number = open_for(door, ALICE, "alice")
    with Raw(door.address, source=(ALICE, 0)) as events:
        events.get("/sse?key=events")
        assert events.head().status == 200
        generations.take_over()
        assert set(listed(door)) == {number}
        assert status(door, ALICE) == 200 and status(door, BOB) == 401
        bob = open_for(door, BOB, "bob")
        assert status(door, BOB) == 200
        assert grant(door, "revoke", number) == "1 ended\n"
        assert events.rest() is not None  # the end
        assert status(door, ALICE) == 401
    generations.wait_end_of_old()
    assert pathlib.Path(tmp_path / "control.sock").is_socket()
    assert set(listed(door)) == {bob}
    generations.take_over()
    assert status(door, BOB) == 200


def test_operators_are_obeyed_by_the_new_process(start, tmp_path):
    """At once: whoever was told that it is done finds it done, where new visitors come."""
    generations = start(stored(tmp_path) + config())
    door = generations.door
    for number in range(1, 9):
        generations.take_over()
        with Raw(str(tmp_path / "control.sock")) as operator:  # sooner than a command starts
            told = operator.send(f"grants-add\t127.50.1.{number}\talice\t60\t\n").rest()
        assert told.startswith(b"ok\n"), told
        assert status(door, f"127.50.1.{number}") == 200
        generations.wait_end_of_old()


def test_a_login_goes_on_with_the_next_process(start, tmp_path):
    """Its code was sent by the old one."""
    generations = start(door=GateDoor(tmp_path / "gate"))
    door = generations.door
    visitor = someone(door)
    visitor.start()
    code = door.code_to("alice")
    generations.take_over()
    assert "You are in" in visitor.submit(f"{GATE}/code", code=code).text
    assert visitor.is_in()
    other = someone(door)
    assert "You are in" in other.enter().text
    generations.wait_end_of_old()
    assert visitor.is_in() and other.is_in()


def test_grants_in_memory_stay_with_their_process(start):
    generations = start(config())
    open_for(generations.door, ALICE, "alice")
    assert "are in the memory of one process" in generations.ask()
    assert status(generations.door, ALICE) == 200
    assert grant(generations.door, "revoke", "--all") == "1 ended\n"
    generations.take_over()
    assert status(generations.door, ALICE) == 401


def test_a_unix_socket_stays(start, tmp_path):
    path = tmp_path / "web.sock"
    generations = start(listener(f"unix:{path}") + route(respond=200, respond_body="in"))
    for _ in range(2):
        generations.take_over()
        with Raw(str(path)) as visitor:
            assert visitor.get("/").answer().status == 200
        generations.wait_end_of_old()
    assert path.is_socket()


def test_a_new_process_that_cannot_start_changes_nothing(start):
    text = listener() + route(respond=200, respond_body="in")
    generations = start(text)
    door = generations.door
    with socket.create_connection(door.address) as kept:
        for bad in ("[http\n", listener("127.0.0.1:1") + route(respond=200)):
            door.write_config(bad)
            assert "this process goes on" in generations.ask()
            assert door.curl("/").status == 200
        kept.sendall(b"GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n")
        assert kept.recv(100).startswith(b"HTTP/1.1 200")
