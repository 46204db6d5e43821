"""The accounting spool: acknowledged once it is on the disk, delivered once the server is there, in
the order of each session, whatever dies meanwhile."""

import contextlib
import random
import subprocess

import pytest
from accounting_lab import START, STOP, AccountingServer, Session, named, number, record
from harness import FakeDownstream, FreeRadius, Process, Sallyport, wait_until, wire
from harness.downstream import accept
from harness.net import PATIENCE_S
from harness.notakey import NoService
from harness.sallyport import BINARY, ROOT, toml


@pytest.fixture
def accounting():
    server = AccountingServer()
    yield server
    server.stop()


@pytest.fixture
def spooling(tmp_path, downstream, accounting):
    """The daemon with a spool, and an accounting server that does not run yet."""

    def start(**settings):
        spool = {"spool": str(tmp_path / "accounting.db"), **accounting.settings, **settings}
        return Sallyport(tmp_path, downstream, NoService(), accounting=spool)

    return start


def test_a_record_is_acknowledged_and_delivered_when_the_server_is_there(spooling, accounting):
    door = spooling()
    stamp = (wire.EVENT_TIMESTAMP, number(1_700_000_000))
    with door.nas() as nas:
        request = record(nas, "one", 7, extra=[stamp, (wire.PROXY_STATE, b"mine")])
        reply = nas.ask(request)
    assert reply.code == wire.ACCOUNTING_RESPONSE
    assert reply.attributes == [(wire.PROXY_STATE, b"mine")]
    door.wait_metric(1, "sallyport_accounting_waiting")
    with accounting:
        accounting.wait_names([("one", 7)])
        door.wait_metric(1, "sallyport_accounting_delivered_total")
    door.wait_metric(0, "sallyport_accounting_waiting")
    (sent,) = {named(octets): octets for octets in accounting.records}.values()
    # All as it came, the event's time included, then how long it was on its way, and our mark.
    attributes = [a for a in wire.parse_attributes(sent) if a[0] != wire.ACCT_DELAY_TIME]
    assert attributes[:-1] == request.attributes
    assert attributes[-1][0] == wire.PROXY_STATE and len(attributes[-1][1]) == 8
    assert [line["answer"] for line in door.wait_audit(1)] == ["Accounting-Response"]


def test_the_delay_grows_by_the_time_in_the_spool(spooling, accounting):
    door = spooling()
    with door.nas() as nas:
        nas.ask(record(nas, "late", 1, extra=[(wire.ACCT_DELAY_TIME, number(40))]))
        nas.ask(record(nas, "later", 1))
    # What is waited for is the spool's own clock; the second record is a little younger.
    wait_until(lambda: door.metric("sallyport_accounting_oldest_seconds") >= 2, "two seconds")
    with accounting:
        accounting.wait_names([("late", 1), ("later", 1)])
    delays = {named(octets)[0]: dict(wire.parse_attributes(octets)).get(wire.ACCT_DELAY_TIME)
              for octets in accounting.records}
    assert int.from_bytes(delays["late"], "big") >= 41
    assert int.from_bytes(delays["later"], "big") >= 1


def test_what_is_sent_again_is_acknowledged_again_and_delivered_once(spooling, accounting):
    door = spooling()
    with door.nas() as nas:
        request = record(nas, "twice", 1)
        first = nas.ask(request)
        assert nas.ask(request).octets == first.octets  # the stored answer
        door.kill()
        door.start_again()
        # Nothing of it is left but what the disk knows.
        assert nas.ask(request).octets == first.octets
    door.wait_metric(1, "sallyport_accounting_known_total")
    with accounting:
        door.wait_metric(1, "sallyport_accounting_delivered_total")
    assert accounting.names() == [("twice", 1)]


def test_a_session_keeps_its_order_and_holds_up_no_other(spooling, accounting):
    refused = {("slow", 0)}
    take = accounting.handler
    accounting.handler = lambda request, server: (
        None if named(request) in refused else take(request, server))
    door = spooling()
    expected = [("slow", n) for n in range(3)] + [("quick", n) for n in range(3)]
    with accounting, door.nas() as nas:
        for session, sequence in expected:
            nas.ask(record(nas, session, sequence))
        accounting.wait_names([name for name in expected if name[0] == "quick"])
        # The server was asked for the slow one meanwhile, and for none behind it.
        assert [name for name in accounting.names() if name[0] == "slow"] == []
        refused.clear()
        names = accounting.wait_names(expected)
    assert [n for n in names if n[0] == "slow"] == expected[:3]
    assert [n for n in names if n[0] == "quick"] == expected[3:]


@pytest.mark.parametrize("lie", ["authenticator", "code", "identifier"])
def test_only_the_servers_own_acknowledgement_counts(spooling, accounting, lie):
    def handler(request, server):
        answer = server.reply(request, wire.ACCOUNTING_RESPONSE, message_authenticator=None)
        if lie == "authenticator":
            return answer[:4] + bytes(16) + answer[20:]
        if lie == "code":
            return server.reply(request, wire.ACCESS_ACCEPT)
        other = request[:1] + bytes([request[1] ^ 1]) + request[2:]
        return server.reply(other, wire.ACCOUNTING_RESPONSE, message_authenticator=None)

    accounting.handler, honest = handler, accounting.handler
    door = spooling()
    with accounting, door.nas() as nas:
        nas.ask(record(nas, "one", 1))
        wait_until(lambda: door.metric("sallyport_accounting_bad_replies_total") >= 2, "replies")
        assert door.metric("sallyport_accounting_delivered_total") == 0
        accounting.handler = honest
        door.wait_metric(1, "sallyport_accounting_delivered_total")


def test_a_full_spool_acknowledges_nothing_until_it_has_room(spooling, accounting):
    door = spooling(max_records=3)
    with door.nas() as nas:
        for sequence in range(3):
            nas.ask(record(nas, "one", sequence))
        refused = record(nas, "one", 3)
        nas.send(refused)
        door.wait_metric(1, "sallyport_accounting_refused_full_total")
        assert nas.barrier() == []
        door.wait_metric(1, "sallyport_accounting_full")
        door.wait_metric(1, "sallyport_radius_drops_total", reason="not_stored")
        wait_until(lambda: "no more are acknowledged" in door.err(), "a line in the log")
        with accounting:
            door.wait_metric(3, "sallyport_accounting_delivered_total")
            assert nas.ask(refused).code == wire.ACCOUNTING_RESPONSE  # the client asks again
            door.wait_metric(4, "sallyport_accounting_delivered_total")
            door.wait_metric(0, "sallyport_accounting_full")
    assert accounting.names() == [("one", n) for n in range(4)]


def test_a_full_disk_acknowledges_nothing_until_it_has_room(spooling, accounting):
    door = spooling(max_size="1MiB")
    padding = [(wire.CLASS, bytes(250))] * 15
    with door.nas() as nas:
        sent = []
        while door.metric("sallyport_accounting_refused_full_total") == 0:
            burst = [record(nas, f"session {len(sent) + n}", n, extra=padding) for n in range(32)]
            for request in burst:
                nas.send(request)
            sent += burst
            nas.barrier()
            wait_until(lambda: door.metric("sallyport_accounting_stored_total")
                       + door.metric("sallyport_accounting_refused_full_total") == len(sent),
                       "every record stored or refused")
        stored = door.metric("sallyport_accounting_stored_total")
        assert 0 < stored < len(sent)
    with accounting, door.nas() as nas:
        door.wait_metric(stored, "sallyport_accounting_delivered_total")
        assert nas.ask(record(nas, "after", 1)).code == wire.ACCOUNTING_RESPONSE
        door.wait_metric(stored + 1, "sallyport_accounting_delivered_total")


def test_kill_9_at_the_very_acknowledgement_loses_nothing(spooling, accounting):
    """Killed as soon as the first acknowledgement of a burst is here: had it left before the record
    was on the disk, this would be the moment."""
    door = spooling()
    acknowledged = []
    for attempt in range(6):
        with door.nas() as nas:
            burst = {r.identifier: r for r in
                     (record(nas, f"burst {attempt}.{n}", attempt) for n in range(150))}
            for request in burst.values():
                nas.send(request)
            replies = [nas.receive_octets()]
            door.kill()
            # The process is dead: what it had sent is here.
            nas.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    replies.append(nas.socket.recv(4096))
        for octets in replies:
            reply = wire.Reply(octets, burst[octets[1]])
            assert reply.code == wire.ACCOUNTING_RESPONSE
            acknowledged.append(named(burst[octets[1]].octets()))
        door.start_again()
    with accounting:
        door.wait_metric(0, "sallyport_accounting_waiting")
    assert set(acknowledged) <= set(accounting.names())


def test_kill_9_under_load_loses_nothing_and_keeps_the_order(spooling, accounting):
    records, sessions_wanted, kills = 40, 12, 4
    chance = random.Random(7)
    take = accounting.handler
    # A tenth of what arrives is lost on its way here, and a tenth of the answers on theirs.
    accounting.handler = lambda request, server: (
        None if chance.random() < 0.1 else [] if chance.random() < 0.1 else take(request, server))
    door = spooling()
    sessions = [Session(door, f"session {n}", records) for n in range(sessions_wanted)]
    for session in sessions:
        session.start()

    def acknowledged():
        return sum(session.acknowledged for session in sessions)

    total = records * sessions_wanted
    for kill in range(1, kills + 1):
        if kill % 2:
            accounting.start()
        else:
            accounting.stop()
        share = total * kill / (kills + 1)
        wait_until(lambda share=share: acknowledged() >= share, "records acknowledged")
        door.kill()
        door.start_again()
    accounting.stop()
    accounting.start()
    for session in sessions:
        session.join(6 * PATIENCE_S)
    assert acknowledged() == total
    door.wait_metric(0, "sallyport_accounting_waiting")
    delivered = {}
    for session, sequence in accounting.names():
        delivered.setdefault(session, []).append(sequence)
    assert delivered.keys() == {session.name for session in sessions}
    for sequence in delivered.values():
        assert sequence == sorted(sequence), "out of order"
        assert set(sequence) == set(range(records)), "a record was lost"
    # Twice only where the kill fell between the server's answer and our noting it down, or the
    # answer was lost for a whole round: never many.
    twice = len(accounting.records) - total
    assert twice <= kills * sessions_wanted + total // 10, twice


def test_freeradius_gets_what_came_while_it_was_away(tmp_path, notakey):
    server = FreeRadius(tmp_path / "freeradius")
    detail = server.folder / "accounting"
    server.stop()
    address, port = server.accounting_server
    door = Sallyport(tmp_path, server, notakey, accounting={
        "spool": str(tmp_path / "accounting.db"), "address": f"{address}:{port}",
        "retransmit": "100ms"})
    with door.nas() as nas:
        for sequence, status in enumerate((START, 3, 3, STOP)):
            nas.ask(record(nas, "long call", sequence, status=status))
        door.kill()
        door.start_again()
        door.wait_metric(4, "sallyport_accounting_waiting")
        Process("freeradius", server.command, server.folder)
        door.wait_metric(4, "sallyport_accounting_delivered_total")
        wait_until(lambda: detail.exists() and detail.read_text().count("Acct-Session-Time") >= 4,
                   "four records in FreeRADIUS' detail file")
    lines = [line.split(" = ") for line in detail.read_text().splitlines() if " = " in line]
    kinds = [value for name, value in lines if name.strip() == "Acct-Status-Type"]
    assert list(dict.fromkeys(kinds)) == ["Start", "Interim-Update", "Stop"]


def test_a_reload_brings_the_records_to_another_server(spooling, accounting):
    door = spooling()
    with door.nas() as nas:
        nas.ask(record(nas, "one", 1))
    with FakeDownstream(accept, "the other server's secret") as other:
        door.settings["accounting"].update(address=f"{other.server[0]}:{other.server[1]}",
                                           secret=other.secret)
        door.write_config()
        door.reload()
        door.wait_metric(1, "sallyport_accounting_delivered_total")
        assert [named(octets) for octets in other.requests][0] == ("one", 1)


def test_stopping_delivers_nothing_twice(spooling, accounting):
    door = spooling()
    with accounting:
        with door.nas() as nas:
            for sequence in range(20):
                nas.ask(record(nas, "one", sequence))
        # An answer that is still on its way at the end counts for nothing.
        door.wait_metric(20, "sallyport_accounting_delivered_total")
        assert door.terminate_and_wait() == 0
        door.start_again()
        door.wait_metric(0, "sallyport_accounting_waiting")
    assert accounting.names() == [("one", n) for n in range(20)]


def test_logins_go_their_own_way(spooling, downstream):
    door = spooling()
    with door.nas() as nas:
        nas.ask(record(nas, "one", 1))
        nas.send(nas.pap("nobody", "x"))
        wait_until(lambda: downstream.requests, "the login")
    assert [request[0] for request in downstream.requests] == [wire.ACCESS_REQUEST]


def test_a_spool_needs_a_file_and_a_server_that_is_not_ourselves(tmp_path, spooling):
    door = spooling()
    door.settings["accounting"] = {"address": f"{door.address}:{door.server[1]}"}
    config = tmp_path / "wrong.toml"
    config.touch(mode=0o600)
    config.write_text(toml(door.settings))
    result = subprocess.run([BINARY, "check", "--config", config], capture_output=True, text=True,
                            timeout=30, check=False)
    assert result.returncode == 1
    assert "accounting.spool" in result.stderr
    door.settings["accounting"]["spool"] = str(tmp_path / "another.db")
    config.write_text(toml(door.settings))
    result = subprocess.run([BINARY, "check", "--config", config], capture_output=True, text=True,
                            timeout=30, check=False)
    assert result.returncode == 1
    assert "accounting.address" in result.stderr and "listen on ourselves" in result.stderr


def test_the_example_of_the_guide_is_good(tmp_path, spooling):
    guide = (ROOT / "docs/accounting.md").read_text()
    example = guide.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "accounting.secret").write_text("a secret for the example\n")
    (tmp_path / "accounting.secret").chmod(0o600)
    for folder in ("/var/lib/sallyport", "/etc/sallyport"):
        assert folder in example
        example = example.replace(folder, str(tmp_path))
    door = spooling()
    config = tmp_path / "guide.toml"
    config.touch(mode=0o600)
    door.settings.pop("accounting")
    config.write_text(toml(door.settings) + example)
    result = subprocess.run([BINARY, "check", "--config", config], capture_output=True, text=True,
                            timeout=30, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
