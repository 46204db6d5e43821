"""kill -9 at random moments while visitors log in and operators open and end grants, with SQLite:
what was confirmed is there after the restart, and what was ended is not. More rounds:
SALLYPORT_CRASH_ROUNDS=50."""

import os
import random
import re
import signal
import subprocess
import threading
import time

from gate_lab import GATE, GateDoor, Visitor
from gate_ways import grants
from harness.net import PATIENCE_S, loopback_address, wait_until
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT
from http_lab import CurlFailed, Raw

ROUNDS = int(os.environ.get("SALLYPORT_CRASH_ROUNDS", "3"))
VISITORS, OPERATORS = 3, 2
DEEDS = (4, 16)  # confirmed in a round before it is cut short
SLACK_S = 0.2  # and then at any moment of such a time

USERS = tuple({"id": f"user{n}", "mail": f"user{n}@example.net"} for n in range(VISITORS + 1))
LATE_USER = USERS[-1]["id"]
LIMITS = {f"{what}_{whose}": "off" for what in ("start", "send", "check")
          for whose in ("per_address", "per_user", "per_pair", "in_all")}
LET_IN = "You are in"


class Ledger:
    """What the daemon has confirmed, by address: open, ended, or (it was cut short) either. The
    sessions of the visitors whose last page has come."""

    def __init__(self):
        self.lock = threading.Lock()
        self.state, self.numbers, self.sessions = {}, {}, {}
        self.confirmed = 0
        self.failures = []

    def begin(self, address):
        with self.lock:
            self.state[address] = "either"

    def confirm(self, address, state, number=None, session=None):
        with self.lock:
            self.state[address] = state
            self.confirmed += 1
            if number is not None:
                self.numbers[address] = number
            if session is not None:
                self.sessions[address] = session

    def take_open(self):
        """An open address, from now on in doubt; None when there is none."""
        with self.lock:
            open_ = [address for address, state in self.state.items() if state == "open"]
            address = random.choice(open_) if open_ else None
            if address:
                self.state[address] = "either"
            return address


class Round:
    """A daemon and those who keep it busy until it is killed."""

    def __init__(self, folder, number, ledger):
        self.ledger = ledger
        self.killed = threading.Event()
        # A message of the round before may still be on its way to a file of its own.
        self.door = GateDoor(folder / str(number), users=USERS, limits=LIMITS,
                             store={"type": "sqlite", "path": str(folder / "gate.db")},
                             http={"control_socket": str(folder / "control.sock")},
                             gate={"max_grants_per_user": 10_000, "token_duration": "10m"})

    def run(self, aim):
        """Until `aim` deeds are confirmed and a little longer; returns whom the end found at the
        page that asks for his code, and the code."""
        late = Visitor(self.door, loopback_address())
        late.start(LATE_USER)
        code = self.door.code_to(LATE_USER)
        begun = self.ledger.confirmed
        works = [lambda n=n: self.log_in(f"user{n}") for n in range(VISITORS)]
        works += [self.operate] * OPERATORS
        threads = [threading.Thread(target=self.go_on, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: self.ledger.confirmed >= begun + aim or self.ledger.failures,
                       self.door.err, 3 * PATIENCE_S)
            time.sleep(random.uniform(0, SLACK_S))  # the moment is the test's own choice
        finally:
            self.killed.set()
            self.door.signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
        assert not self.ledger.failures, self.ledger.failures
        assert self.door.wait_exit() == -signal.SIGKILL
        return late, code

    def go_on(self, work):
        try:
            while not self.killed.is_set():
                work()
        except (CurlFailed, AssertionError, subprocess.CalledProcessError) as error:
            # What fails by the kill is no failure.
            if not self.killed.is_set():
                self.ledger.failures.append(repr(error))

    def log_in(self, user):
        visitor = Visitor(self.door, loopback_address())
        address = visitor.options[1]
        before = len(self.door.texts_to(user))
        visitor.start(user)
        wait_until(lambda: self.killed.is_set() or len(self.door.texts_to(user)) > before,
                   self.door.err)
        if self.killed.is_set():
            return
        code = self.door.code_to(user, before + 1)
        self.ledger.begin(address)
        assert LET_IN in visitor.submit(f"{GATE}/code", code=code).text, visitor.page
        self.ledger.confirm(address, "open", session=visitor.cookies)

    def operate(self):
        address = loopback_address()
        self.ledger.begin(address)
        told = self.command("add", address, "--user", "user0", "--for", "1h")
        self.ledger.confirm(address, "open", number=int(re.findall(r"^\d+", told, re.MULTILINE)[0]))
        if address := self.ledger.take_open():
            assert self.command("revoke", "--address", address) == "1 ended\n"
            self.ledger.confirm(address, "ended")

    def command(self, *words):
        return subprocess.run([BINARY, "grants", *words, "--config", self.door.config], check=True,
                              capture_output=True, text=True, env=CLEAN_ENVIRONMENT).stdout


def is_open(door, address):
    with Raw(door.address, source=(address, 0)) as visitor:
        return visitor.get("/", host=door.authority).answer().status == 200


def compare(door, ledger):
    """The ledger with the daemon; what was in doubt is from now on what it is found to be."""
    listed = {grant["address"]: grant["id"] for grant in grants(door)}
    assert len(set(listed.values())) == len(listed)
    assert set(listed) <= set(ledger.state)
    for address, state in ledger.state.items():
        found = "open" if address in listed else "ended"
        assert state in (found, "either"), (address, state, found)
        assert is_open(door, address) == (found == "open"), address
        ledger.state[address] = found
    for address, number in ledger.numbers.items():
        assert listed.get(address, number) == number


def test_what_was_confirmed_outlives_every_crash_and_what_was_ended_does_not(tmp_path):
    ledger = Ledger()
    turn = Round(tmp_path, 0, ledger)
    for number in range(1, ROUNDS + 1):
        confirmed = ledger.confirmed
        late, code = turn.run(random.randint(*DEEDS))
        assert ledger.confirmed > confirmed, f"round {number} had nothing to lose"
        turn = Round(tmp_path, number, ledger)
        compare(turn.door, ledger)

        # The browser of the one who came last is known still.
        for address, cookies in list(ledger.sessions.items())[-1:]:
            known = Visitor(turn.door, address)
            known.cookies = dict(cookies)
            assert "My access" in known.get(f"{GATE}/access").text, known.page

        # Who had his code goes on where he was.
        late.door = turn.door
        assert 'name="code"' in late.get(f"{GATE}/visit").text, late.page
        assert LET_IN in late.submit(f"{GATE}/code", code=code).text, late.page
        ledger.confirm(late.options[1], "open", session=late.cookies)
    assert "ended" in ledger.state.values() and "open" in ledger.state.values()
