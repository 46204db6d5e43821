"""Active health checks: who is asked, what counts as good, when a server goes and comes back, and
that nobody notices while another server is up."""

import threading

import pytest
from harness import wait_until
from harness.sallyport import toml
from http_lab import Authority, HttpDoor, Node, Scripted, listener, pool, route, simple

# One slow answer on a busy machine takes nobody down; but for the first, which decides at once.
QUICK = {"health_path": "/health", "health_interval": "600ms", "health_timeout": "600ms",
         "health_rise": 1, "health_fall": 2}


class Patient:
    """A server whose health is what `answer` says; it serves all other requests."""

    def __init__(self, name, answer="HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"):
        self.name = name
        self.answer = answer
        self.probes = []
        self.served = 0
        self.server = Scripted(self._script)
        self.at = self.server.at

    def _script(self, connection, _number):
        while True:
            head = connection.request()
            if head.split()[1].startswith("/health"):
                self.probes.append(head)
                connection.send(self.answer or "")
            else:
                self.served += 1
                connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{self.name}")

    def wait_probes(self, more):
        count = len(self.probes) + more
        wait_until(lambda: len(self.probes) >= count, f"{more} more probes of {self.name}")


BAD = "HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n"
GOOD = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"


@pytest.fixture
def patients():
    servers = [Patient("a"), Patient("b")]
    with servers[0].server, servers[1].server:
        yield servers


def states(door, label):
    """What the log has said of a server, in its order."""
    mark = f"{label} of the pool app is "
    return [line["message"].partition(mark)[2] for line in door.log_lines()
            if mark in line.get("message", "")]


def wait_state(door, label, state):
    def is_so():
        said = states(door, label)
        return said and said[-1].startswith(state)

    door.wait_for(is_so, f"{label} is {state}")


def answered_by(door, path="/"):
    return door.curl(path).text


def test_what_is_asked(tmp_path, patients):
    a, b = patients
    door = HttpDoor(tmp_path, simple(a.at, b.at, **{**QUICK, "health_path": "/health?deep=1"}))
    wait_state(door, a.at, "up: good")
    wait_state(door, b.at, "up: good")
    a.wait_probes(2)
    head = a.probes[-1].split("\r\n")
    assert head[0] == "GET /health?deep=1 HTTP/1.1"
    assert f"Host: {a.at}" in head and "Connection: close" in head
    assert a.served == b.served == 0


@pytest.mark.parametrize("answer,why", [
    (BAD, "status 503"),
    ("HTTP/1.1 301 Away\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "status 301"),
    ("SSH-2.0\r\n\r\n", "answer is not valid HTTP"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "answer took too long"),
    (None, "answer took too long")])
def test_what_takes_a_server_down(tmp_path, patients, answer, why):
    a, b = patients
    a.answer = answer
    door = HttpDoor(tmp_path, simple(a.at, b.at, **QUICK))
    wait_state(door, a.at, f"down: {why}")
    wait_state(door, b.at, "up: good")
    assert {answered_by(door) for _ in range(4)} == {"b"}


def test_a_status_and_a_text_that_are_wanted(tmp_path, patients):
    a, b = patients
    a.answer = "HTTP/1.1 218 Fine\r\nContent-Length: 13\r\n\r\nall is ready."
    b.answer = "HTTP/1.1 218 Fine\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbad\r\n0\r\n\r\n"
    door = HttpDoor(tmp_path, simple(a.at, b.at, health_status=218, health_body="is ready",
                                     **QUICK))
    wait_state(door, a.at, "up: good")
    wait_state(door, b.at, "down: the body lacks the text")
    a.answer = GOOD
    wait_state(door, a.at, "down: status 200")
    # Nobody is fit, and those whom probes have found down are not asked at all.
    assert door.curl("/").status == 503
    assert a.served == b.served == 0


def test_only_so_much_of_a_body_is_read(tmp_path, patients):
    a, b = patients
    filler = "x" * 65_530
    a.answer = f"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n{filler}ready!{filler}"
    b.answer = f"HTTP/1.1 200 OK\r\nContent-Length: 131066\r\n\r\n{filler}xready{filler}"
    door = HttpDoor(tmp_path, simple(a.at, b.at, health_body="ready!", **QUICK))
    wait_state(door, a.at, "up: good")
    wait_state(door, b.at, "down: the body lacks the text")


def test_so_many_in_a_row(tmp_path, patients):
    a, b = patients
    door = HttpDoor(tmp_path, simple(a.at, b.at, balance="first",
                                     **{**QUICK, "health_fall": 3, "health_rise": 3}))
    wait_state(door, a.at, "up: good")
    before = len(a.probes)
    a.answer = BAD
    wait_state(door, a.at, "down: status 503")
    assert "suspect: status 503" in states(door, a.at)
    assert len(a.probes) - before >= 3
    before = len(a.probes)
    a.answer = GOOD
    wait_state(door, a.at, "up: good")
    assert len(a.probes) - before >= 3
    assert answered_by(door) == "a"


def test_a_server_that_is_gone_and_comes_back_costs_nobody_his_answer(tmp_path):
    origin = Node(tmp_path, {"a": {"kind": "http1"}, "b": {"kind": "http1"}})
    # So patient that the one which is up stays so, however busy the machine is.
    door = HttpDoor(tmp_path, simple(origin.at("a"), origin.at("b"), **{
        **QUICK, "health_interval": "1s", "health_timeout": "1s", "health_fall": 3}))
    wait_state(door, origin.at("a"), "up")
    wait_state(door, origin.at("b"), "up")
    stop = threading.Event()
    answers = []

    def ask():
        while not stop.is_set():
            with door.raw() as visitor:
                # Fewer than a connection is good for.
                for _ in range(500):
                    answers.append(visitor.get("/status?code=200").answer().status)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    origin.stop_server("a")
    wait_state(door, origin.at("a"), "down: connection refused")
    count = len(answers)
    wait_until(lambda: len(answers) > count + 50, "requests by the other")
    origin.start_server("a")
    wait_state(door, origin.at("a"), "up: good")
    before = len(origin.requests("a"))
    wait_until(lambda: len(origin.requests("a")) > before + 10, "requests by the one that is back")
    stop.set()
    for asker in askers:
        asker.join()
    assert set(answers) == {200}


def test_all_shards_hear_of_it(tmp_path, patients):
    a, b = patients
    door = HttpDoor(tmp_path, simple(a.at, b.at, **QUICK), shards=3)
    wait_state(door, a.at, "up")
    a.answer = BAD
    wait_state(door, a.at, "down")
    b.wait_probes(2)
    # Each connection is some shard's.
    assert {answered_by(door) for _ in range(12)} == {"b"}


def test_slow_start(tmp_path, patients):
    a, b = patients
    a.answer = BAD
    door = HttpDoor(tmp_path, simple(a.at, b.at, slow_start="10m", **QUICK))
    wait_state(door, a.at, "down")
    wait_state(door, b.at, "up")
    a.answer = GOOD
    wait_state(door, a.at, "up")
    # In ten minutes it will have its half; now it has a tenth of its weight, which is 1 in 11.
    with door.raw() as visitor:
        by_a = sum(visitor.get().answer().body == b"a" for _ in range(110))
    assert 5 <= by_a <= 20, by_a


def test_good_probes_forgive_what_requests_have_found(tmp_path, patients):
    a, b = patients
    fails = threading.Event()
    fails.set()

    def script(connection, number):
        if fails.is_set() and number > 1:
            head = connection.request()
            if "/health" not in head:
                return
            connection.send(GOOD)
            return
        a._script(connection, number)

    with Scripted(script) as broken:
        door = HttpDoor(tmp_path, simple(broken.at, b.at, balance="first", max_fails=1,
                                         fail_timeout="1h", **QUICK))
        wait_state(door, broken.at, "up")
        assert answered_by(door) == "b"  # the first has failed, and is out
        fails.clear()
        wait_until(lambda: answered_by(door) == "a", "it is forgiven")


@pytest.mark.parametrize("kind", ["h2c", "h2", "https"])
def test_probes_speak_what_the_pool_speaks(tmp_path, kind):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.certificate("app.example.net")
    files = {} if kind == "h2c" else {"cert": str(certificate), "key": str(key)}
    origin = Node(tmp_path, {"a": {"kind": kind, **files}})
    tls = {} if kind == "h2c" else {"tls": True, "ca_file": str(authority.ca_file),
                                    "server_name": "app.example.net"}
    door = HttpDoor(tmp_path, simple(
        origin.at(), protocol="http1" if kind == "https" else "h2", **tls,
        **{**QUICK, "health_timeout": "5s", "health_interval": "5s"}))
    wait_state(door, origin.at(), "up: good")
    assert origin.requests()[0] == "GET /health"
    assert door.curl("/status?code=204").status == 204


def test_a_certificate_for_another_name_is_down(tmp_path):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.certificate("other.example.net")
    origin = Node(tmp_path, {"a": {"kind": "https", "cert": str(certificate), "key": str(key)}})
    door = HttpDoor(tmp_path, simple(origin.at(), tls=True, ca_file=str(authority.ca_file),
                                     server_name="app.example.net", **QUICK))
    wait_state(door, origin.at(), "down: TLS failed")
    assert door.curl("/").status == 503
    assert origin.requests() == []


def test_a_reload_keeps_what_is_known(tmp_path, patients):
    a, b = patients
    a.answer = BAD
    text = simple(a.at, b.at, **{**QUICK, "health_fall": 3, "health_rise": 3})
    door = HttpDoor(tmp_path, text)
    wait_state(door, a.at, "down")
    wait_state(door, b.at, "up")
    said, good = len(states(door, b.at)), len(a.probes)
    a.answer, b.answer = GOOD, BAD
    door.reload(toml({"http": {"keep_alive_timeout": "1m"}}) + text)
    # One probe decides of a server that nothing is known of, and of no other.
    wait_state(door, a.at, "up")
    assert len(a.probes) - good >= 3
    wait_state(door, b.at, "down")
    assert states(door, b.at)[said].startswith("suspect")
    assert answered_by(door) == "a"


def test_a_reload_may_end_and_begin_probes(tmp_path, patients):
    a, b = patients
    a.answer = BAD
    door = HttpDoor(tmp_path, simple(a.at, b.at, **QUICK))
    wait_state(door, a.at, "down")
    door.reload(simple(a.at, b.at))
    assert {answered_by(door) for _ in range(4)} == {"a", "b"}
    count = len(a.probes)  # the last one may have been under way
    assert {answered_by(door) for _ in range(40)} == {"a", "b"}
    assert len(a.probes) == count
    door.reload(listener() + pool("app", [a.at, b.at], **QUICK) + route(pool="app"))
    wait_until(lambda: {answered_by(door) for _ in range(6)} == {"b"}, "a is found down again")


def test_it_stops_while_a_probe_is_under_way(tmp_path, patients):
    a, _ = patients
    a.answer = None
    door = HttpDoor(tmp_path, simple(a.at, **{**QUICK, "health_interval": "1m",
                                              "health_timeout": "1m"}))
    wait_until(lambda: a.probes, "the probe")
    assert door.terminate_and_wait() == 0
