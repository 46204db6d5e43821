"""100 clients, each with its own address and secret, 1,000 exchanges each, many at once: every
single answer is the right one, and there is exactly one push for each login that deserves one."""

import os
import random
import selectors
import socket
import time

from harness import NotakeySimulator, RadiusSimulator, Sallyport, wire
from harness.sallyport import client

CLIENTS = int(os.environ.get("SALLYPORT_TEST_CLIENTS", "100"))
EXCHANGES = int(os.environ.get("SALLYPORT_TEST_EXCHANGES", "1000"))
AT_ONCE = 100  # outstanding requests of one client; it has 256 Identifiers
USERS = 200  # of each kind
RETRY_S, TIME_LIMIT_S = 4, 300

APPROVED, DENIED, WRONG_PASSWORD = "approved", "denied", "wrong password"


def password_of(user):
    return f"password of {user}"


class Exchange:
    """One login: what is sent, and what must come back."""

    def __init__(self, load_client, number, rng):
        self.kind = rng.choices((APPROVED, DENIED, WRONG_PASSWORD), (55, 30, 15))[0]
        prefix = "denier" if self.kind == DENIED else "approver"
        self.user = f"{prefix}-{rng.randrange(USERS)}"
        password = "wrong" if self.kind == WRONG_PASSWORD else password_of(self.user)
        # The Calling-Station-Id sets equal logins of one client apart: they must not join.
        station = f"{load_client.number}/{number}".encode()
        request = wire.pap(load_client.secret, self.user, password, number % 256,
                           [(wire.CALLING_STATION_ID, station), (wire.PROXY_STATE, station)])
        self.secret, self.packet = load_client.secret, request.octets()
        self.station, self.sent_at = station, 0.0
        self.answer = None

    def check(self, octets):
        reply = wire.Reply(octets, self)
        assert reply.all(wire.PROXY_STATE) == [self.station]
        message = reply.text(wire.REPLY_MESSAGE)
        if self.kind == APPROVED:
            assert reply.code == wire.ACCESS_ACCEPT, (self.user, reply.code, message)
        else:
            assert reply.code == wire.ACCESS_REJECT, (self.user, reply.code)
            denied_on_the_phone = message == "Login denied on the phone."
            assert denied_on_the_phone == (self.kind == DENIED), (self.user, message)


class LoadClient:
    """One NAS: keeps AT_ONCE exchanges outstanding until all are done."""

    def __init__(self, number, server, seed):
        self.number = number
        self.address = f"127.0.{1 + number // 200}.{1 + number % 200}"
        self.secret = f"secret of client {number:03}".encode()
        self.rng = random.Random(f"{seed}/{number}")
        self.server = server
        self.pending = {}  # Identifier → Exchange
        self.last = {}  # Identifier → the exchange answered last on it
        self.started = self.done = 0
        self.kinds = {APPROVED: 0, DENIED: 0, WRONG_PASSWORD: 0}

    def open(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((self.address, 0))
        self.socket.connect(self.server)
        self.socket.setblocking(False)

    def fill(self, now):
        while len(self.pending) < AT_ONCE and self.started < EXCHANGES:
            if self.started % 256 in self.pending:
                return
            exchange = Exchange(self, self.started, self.rng)
            self.pending[self.started % 256] = exchange
            self.kinds[exchange.kind] += 1
            self.started += 1
            self.transmit(exchange, now)

    def transmit(self, exchange, now):
        exchange.sent_at = now
        try:
            self.socket.send(exchange.packet)
        except BlockingIOError:
            pass  # lost on the way, like any datagram

    def retry(self, now):
        for exchange in self.pending.values():
            if now - exchange.sent_at > RETRY_S:
                self.transmit(exchange, now)

    def receive(self, now):
        while True:
            try:
                octets = self.socket.recv(4096)
            except BlockingIOError:
                break
            exchange = self.pending.pop(octets[1], None)
            if exchange is None:
                # A retransmission crossed its answer: the same octets again, nothing else.
                assert octets == self.last[octets[1]], "a second, different answer"
                continue
            exchange.check(octets)
            self.last[octets[1]] = octets
            self.done += 1
        self.fill(now)


def drive(clients):
    selector = selectors.DefaultSelector()
    begin = time.monotonic()
    for c in clients:
        selector.register(c.socket, selectors.EVENT_READ, c)
        c.fill(begin)
    next_retry = begin + 1
    while any(c.done < EXCHANGES for c in clients):
        ready = selector.select(timeout=0.2)
        now = time.monotonic()
        for key, _ in ready:
            key.data.receive(now)
        if now > next_retry:
            next_retry = now + 1
            for c in clients:
                c.retry(now)
        missing = [c for c in clients if c.done < EXCHANGES]
        assert now - begin < TIME_LIMIT_S, (
            f"{sum(c.done for c in clients)} answers, {len(missing)} clients still wait")
    return time.monotonic() - begin


def test_every_answer_is_right(tmp_path):
    seed = os.environ.get("SALLYPORT_TEST_SEED", str(random.SystemRandom().randrange(1 << 32)))
    print(f"SALLYPORT_TEST_SEED={seed} replays this run")
    users = [f"{prefix}-{n}" for prefix in ("approver", "denier") for n in range(USERS)]
    downstream = RadiusSimulator(tmp_path, {user: password_of(user) for user in users})
    notakey = NotakeySimulator(tmp_path, users=["approver-*=approve:0s", "denier-*=deny:0s"],
                               tls=True, address="127.0.0.1")
    clients = [LoadClient(n, None, seed) for n in range(CLIENTS)]
    door = Sallyport(
        tmp_path, downstream, notakey,
        clients=[client([c.address], secret=c.secret.decode(), name=f"client-{c.number}")
                 for c in clients],
        radius={"shards": 2}, second_factor={"threads": 2},
        notakey={"ttl": "120s", "timeout": "60s"},  # a busy machine is no failure
        log={"level": "info"})
    for c in clients:
        c.server = door.server
        c.open()
    seconds = drive(clients)
    total = CLIENTS * EXCHANGES
    print(f"{total} exchanges in {seconds:.1f} s: {total / seconds:.0f} a second")

    expected = {kind: sum(c.kinds[kind] for c in clients) for kind in clients[0].kinds}
    verdicts = {name: door.metric("sallyport_radius_verdicts_total", verdict=name)
                for name in ("approved", "denied", "expired", "unknown_user", "unavailable")}
    assert verdicts == {"approved": expected[APPROVED], "denied": expected[DENIED], "expired": 0,
                        "unknown_user": 0, "unavailable": 0}
    assert notakey.stats()["creates"] == expected[APPROVED] + expected[DENIED]
    assert door.metric("sallyport_radius_answers_total", answer="accept") == expected[APPROVED]
    assert (door.metric("sallyport_radius_answers_total", answer="reject")
            == total - expected[APPROVED])
    assert door.metric("sallyport_verify_joined_total") == 0
    assert len(door.wait_audit(total)) == total
