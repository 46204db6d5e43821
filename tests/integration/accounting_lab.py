"""Accounting: records of sessions, and a server that remembers each as the RFCs want it."""

import struct
import threading

from harness import FakeDownstream, NoAnswer, loopback_address, wait_until, wire
from harness.net import free_port

START, STOP, INTERIM = 1, 2, 3


def number(value):
    return struct.pack("!I", value)


def record(nas, session, sequence, identifier=None, extra=(), status=INTERIM):
    """An Accounting-Request whose Acct-Session-Time tells its place in its session."""
    return wire.Request(
        nas.secret,
        code=wire.ACCOUNTING_REQUEST,
        identifier=nas.identifier() if identifier is None else identifier,
        attributes=[
            (wire.USER_NAME, b"alice"),
            (wire.NAS_IDENTIFIER, b"gateway"),
            (wire.ACCT_STATUS_TYPE, number(status)),
            (wire.ACCT_SESSION_ID, session.encode()),
            (ACCT_SESSION_TIME, number(sequence)),
            *extra,
        ],
        message_authenticator=None,
    )


ACCT_SESSION_TIME = 46


def named(octets):
    """(session, sequence) of a record."""
    attributes = dict(wire.parse_attributes(octets))
    return attributes[wire.ACCT_SESSION_ID].decode(), int.from_bytes(
        attributes[ACCT_SESSION_TIME], "big")


class AccountingServer:
    """Stopped and started at will on one address. What arrives is checked, and kept in `records` in
    the order of arrival; what comes again octet for octet is answered again and not kept twice."""

    def __init__(self, handler=None):
        self.secret = "accounting-secret-of-the-tests"
        address = loopback_address()
        self.server = (address, free_port(address))
        self.handler = handler or (lambda request, server: server.reply(
            request, wire.ACCOUNTING_RESPONSE, message_authenticator=None))
        self.records = []
        self.running = None
        self._seen = set()

    @property
    def settings(self):
        return {"address": f"{self.server[0]}:{self.server[1]}", "secret": self.secret,
                "retransmit": "100ms"}

    def _take(self, request, server):
        blank = request[:4] + bytes(16) + request[20:]
        assert request[4:20] == wire.md5(blank, self.secret.encode()), "Request Authenticator"
        if (request, server.peer) not in self._seen:
            answer = self.handler(request, server)
            if answer is None:
                return None
            self._seen.add((request, server.peer))
            self.records.append(request)
            return answer
        return self.handler(request, server)

    def start(self):
        self.running = FakeDownstream(self._take, self.secret, *self.server)
        return self

    def stop(self):
        if self.running:
            self.running.stop()
        self.running = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def names(self):
        return [named(octets) for octets in self.records]

    def wait_names(self, expected):
        """Waits until as many have arrived, and returns them."""
        wait_until(lambda: len(self.records) >= len(expected),
                   lambda: f"{len(expected)} records, are {self.names()}")
        return self.names()


class Session(threading.Thread):
    """A session of a NAS: a record is sent again until it is acknowledged, then comes the next."""

    def __init__(self, door, name, records):
        super().__init__(daemon=True)
        self.name = name
        self.nas = door.nas()
        self.count = records
        self.acknowledged = 0

    def run(self):
        with self.nas:
            for sequence in range(self.count):
                self.deliver(record(self.nas, self.name, sequence))
                self.acknowledged += 1

    def deliver(self, request):
        while True:
            self.nas.send(request)
            try:
                reply = self.nas.receive_octets(patience_s=0.2)
            except (NoAnswer, ConnectionRefusedError):
                continue
            if reply[1] != request.identifier:
                continue  # to the record before, which was sent twice
            assert wire.Reply(reply, request).code == wire.ACCOUNTING_RESPONSE
            return
