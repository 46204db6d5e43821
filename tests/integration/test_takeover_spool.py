"""SIGUSR2 for a daemon with an accounting spool: one process after the other has the file. Nothing
that was acknowledged is lost, and each session keeps its order."""

import collections
import os

import pytest
from accounting_lab import AccountingServer, Session, record
from harness import wait_until, wire
from harness.notakey import NoService

TAKEOVERS = int(os.environ.get("SALLYPORT_TEST_TAKEOVERS", "2"))
SESSIONS = 8


@pytest.fixture
def accounting():
    server = AccountingServer()
    yield server
    server.stop()


@pytest.fixture
def generations(tmp_path, downstream, accounting, start_generations):
    return start_generations(downstream, NoService(), radius={"shards": 2}, accounting={
        "spool": str(tmp_path / "accounting.db"), **accounting.settings})


class EndlessSession(Session):
    def __init__(self, door, name):
        super().__init__(door, name, 0)
        self.ended = False

    def run(self):
        with self.nas:
            while not self.ended:
                self.deliver(record(self.nas, self.name, self.acknowledged))
                self.acknowledged += 1


def by_session(names):
    arrived = collections.defaultdict(list)
    for session, sequence in names:
        arrived[session].append(sequence)
    return arrived


def test_nothing_is_lost_and_the_order_stays(generations, accounting):
    """Sessions send all the time, each its next record when the one before is acknowledged."""
    door = generations.door
    with accounting:
        sessions = [EndlessSession(door, f"session {n}") for n in range(SESSIONS)]
        for session in sessions:
            session.start()
        for _ in range(TAKEOVERS):
            before = [session.acknowledged for session in sessions]
            generations.take_over()
            generations.wait_end_of_old()
            wait_until(lambda before=before: all(
                session.acknowledged > count + 20 for session, count in zip(sessions, before)),
                "more records of every session")
        for session in sessions:
            session.ended = True
        for session in sessions:
            session.join(60)
        told = {session.name: session.acknowledged for session in sessions}
        wait_until(lambda: all(set(by_session(accounting.names())[name]) >= set(range(count))
                               for name, count in told.items()), "what was acknowledged")
        door.wait_metric(0, "sallyport_accounting_waiting")
    for sequences in by_session(accounting.names()).values():
        assert sequences == sorted(sequences)


def test_what_waits_is_delivered_by_the_next_process(generations, accounting):
    door = generations.door
    names = [("waits", sequence) for sequence in range(20)]
    with door.nas() as nas:
        for name in names:
            assert nas.ask(record(nas, *name)).code == wire.ACCOUNTING_RESPONSE
        generations.take_over()
        door.wait_metric(20, "sallyport_accounting_waiting")
        names.append(("waits", 20))
        assert nas.ask(record(nas, *names[-1])).code == wire.ACCOUNTING_RESPONSE
        with accounting:
            assert accounting.wait_names(names) == names
            door.wait_metric(0, "sallyport_accounting_waiting")
        generations.wait_end_of_old()


def test_what_is_sent_again_is_known_to_both(generations, accounting):
    door = generations.door
    with door.nas() as nas, accounting:
        request = record(nas, "twice", 1)
        first = nas.ask(request).octets
        generations.take_over()
        assert nas.ask(request).octets == first
        generations.wait_end_of_old()
        assert nas.ask(request).octets == first
        door.wait_metric(0, "sallyport_accounting_waiting")
    assert accounting.names() == [("twice", 1)]


def test_a_new_process_that_cannot_start_changes_nothing(generations, accounting):
    door = generations.door
    good = door.config.read_text()
    bad = good.replace(str(door.settings["accounting"]["spool"]), "/nonexistent/accounting.db")
    assert bad != good
    with door.nas() as nas, accounting:
        for sequence, text in enumerate((bad, good.replace("shards = 2", "shards = 1"))):
            door.config.write_text(text)
            assert "this process goes on" in generations.ask()
            assert nas.ask(record(nas, "stays", sequence)).code == wire.ACCOUNTING_RESPONSE
        accounting.wait_names([("stays", 0), ("stays", 1)])
