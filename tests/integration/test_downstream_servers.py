"""Several servers behind: pools, routes, health, fail-over; docs/pools.md."""

import signal

import pytest
from harness import FakeDownstream, NotakeySimulator, Sallyport, wait_until, wire
from harness.downstream import accept, silent
from harness.freeradius import FreeRadius

STATUS_SERVER = 12


def address(server):
    return f"{server.server[0]}:{server.server[1]}"


def section(name, server, **more):
    return {"name": name, "address": address(server), "secret": server.secret, **more}


def door_to(folder, notakey, servers, pools=(), routes=(), **sections):
    """[downstream] has neither address nor secret where there are servers."""
    downstream = {"address": None, "secret": None, "retransmit": "1s",
                  **sections.pop("downstream", {})}
    more = {"downstream.server": servers}
    if pools:
        more["downstream.pool"] = list(pools)
    if routes:
        more["downstream.route"] = list(routes)
    nowhere = type("Nowhere", (), {"server": ("127.0.0.1", 9), "secret": "x"})
    return Sallyport(folder, nowhere, notakey, downstream=downstream, **more, **sections)


def kinds(server):
    return [request[0] for request in server.requests]


def user_names(server):
    return [dict(wire.parse_attributes(request))[wire.USER_NAME] for request in server.requests]


@pytest.fixture
def notakey(tmp_path):
    names = [f"user{i}" for i in range(40)] + ["x@a.example", "y@n.A.example", "z", "guest"]
    return NotakeySimulator(tmp_path, users=[f"{name}=approve:0s" for name in names])


@pytest.fixture
def pair():
    with FakeDownstream(accept) as one, FakeDownstream(accept) as two:
        yield one, two


def test_a_silent_server_costs_no_request_its_answer(tmp_path, notakey, pair):
    one, two = pair
    one.handler = silent
    door = door_to(tmp_path, notakey, [section("one", one), section("two", two)])
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        assert kinds(two) == [wire.ACCESS_REQUEST]
        for _ in range(5):  # nobody waits for the silent one any more
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert kinds(one).count(wire.ACCESS_REQUEST) == 1
    wait_until(lambda: STATUS_SERVER in kinds(one), "a Status-Server")
    door.wait_metric(1, "sallyport_radius_failed_over_total")
    door.wait_metric(1, "sallyport_downstream_shards", server="one", state="suspect")
    door.wait_metric(1, "sallyport_downstream_problem", server="one", reason="no_reply")
    status = door.http("/status")[1]
    assert '"server":"one"' in status and '"state":"suspect"' in status


def test_a_port_that_nobody_listens_on_is_left_at_once(tmp_path, notakey, pair):
    one, two = pair
    one.stop()
    door = door_to(tmp_path, notakey, [section("one", one), section("two", two)],
                   downstream={"retransmit": "60s", "send_timeout": "60s",
                               "receive_timeout": "60s"})
    try:
        with door.nas() as nas:  # long before any retransmission
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        door.wait_metric(1, "sallyport_downstream_problem", server="one", reason="unreachable")
    finally:
        one.socket = two.socket.dup()  # the fixture stops it once more
        one.server, one._thread = two.server, two._thread


def test_accounting_moves_too(tmp_path, notakey, pair):
    one, two = pair
    one.handler = silent
    door = door_to(tmp_path, notakey, [section("one", one), section("two", two)])
    with door.nas() as nas:
        start = wire.Request(nas.secret, code=wire.ACCOUNTING_REQUEST, identifier=nas.identifier(),
                             attributes=[(wire.USER_NAME, b"alice")])
        assert nas.ask(start).code == wire.ACCOUNTING_RESPONSE
    assert kinds(one).count(wire.ACCOUNTING_REQUEST) == 1
    assert kinds(two).count(wire.ACCOUNTING_REQUEST) == 1


def test_accounting_goes_to_its_own_port(tmp_path, notakey, pair):
    login = pair[0]
    with FakeDownstream(silent, address=login.server[0]) as accounting:
        door = Sallyport(tmp_path, login, notakey,
                         downstream={"accounting_port": accounting.server[1],
                                     "retransmit": "60s"})

        def start():
            return wire.Request(nas.secret, code=wire.ACCOUNTING_REQUEST,
                                identifier=nas.identifier(),
                                attributes=[(wire.USER_NAME, b"alice")])

        with door.nas() as nas:
            nas.send(start())
            door.wait_for(lambda: accounting.requests, "the record")
            # Which gets no answer: nobody's login waits for that.
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
            accounting.handler = accept
            assert nas.ask(start()).code == wire.ACCOUNTING_RESPONSE
        assert set(kinds(login)) == {wire.ACCESS_REQUEST}
        assert set(kinds(accounting)) == {wire.ACCOUNTING_REQUEST}
        for server in "downstream", "downstream (accounting)":
            door.wait_metric(1, "sallyport_downstream_replies_total", server=server)


def test_real_servers_one_stopped_and_back(tmp_path, freeradius, notakey):
    """Status-Server of a real FreeRADIUS brings it back."""
    second = FreeRadius(tmp_path / "second")
    try:
        door = door_to(tmp_path, notakey, [section("one", second), section("two", freeradius)],
                       pools=[{"name": "downstream", "status_server": "yes",
                               "probe_interval": "1s"}],
                       downstream={"retransmit": "3s"})
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT
            door.wait_metric(1, "sallyport_downstream_requests_total", server="one")
            second.signal(signal.SIGSTOP)
            for _ in range(3):
                assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT
            door.wait_metric(1, "sallyport_downstream_shards", server="one", state="down")
            second.signal(signal.SIGCONT)
            door.wait_metric(1, "sallyport_downstream_shards", server="one", state="up")
            before = door.metric("sallyport_downstream_requests_total", server="one")
            assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT
            door.wait_metric(before + 1, "sallyport_downstream_requests_total", server="one")
    finally:
        second.signal(signal.SIGCONT)
        second.stop()


def test_a_flapping_server_loses_nothing(tmp_path, notakey, pair):
    one, two = pair
    door = door_to(tmp_path, notakey, [section("one", one), section("two", two)],
                   pools=[{"name": "downstream", "policy": "round_robin"}],
                   downstream={"retransmit": "100ms"})
    with door.nas() as nas:
        for i in range(40):
            one.handler = silent if i // 5 % 2 else accept
            assert nas.ask(nas.pap(f"user{i}", "x")).code == wire.ACCESS_ACCEPT
    assert door.metric("sallyport_radius_downstream_timeouts_total") == 0


def test_realms_go_to_their_pools(tmp_path, notakey, pair):
    one, two = pair
    door = door_to(
        tmp_path, notakey, [section("one", one, pool="a"), section("two", two, pool="b")],
        routes=[{"realms": ["a.example", "*.a.example"], "pool": "a"},
                {"realms": ["b.example"], "strip_realm": True, "pool": "b"},
                {"realms": [""], "called_stations": ["*:guests"], "pool": "b"},
                {"realms": ["old.example"], "reject_message": "Moved."}],
        downstream={"unserved_message": "Nobody knows you."})
    guests = [(30, b"00-11-22-33-44-55:guests")]
    with door.nas() as nas:
        for name, extra in [("x@a.example", ()), ("y@n.A.example", ()), ("z@b.example", ()),
                            ("guest", guests)]:
            assert nas.ask(nas.pap(name, "x", extra)).code == wire.ACCESS_ACCEPT
        refused = [nas.ask(nas.pap(name, "x")) for name in ("w@old.example", "v@c.example", "u")]
    assert user_names(one) == [b"x@a.example", b"y@n.A.example"]
    assert user_names(two) == [b"z", b"guest"]
    assert [reply.code for reply in refused] == [wire.ACCESS_REJECT] * 3
    assert [reply.text(wire.REPLY_MESSAGE) for reply in refused] == [
        "Moved.", "Nobody knows you.", "Nobody knows you."]
    assert [line["outcome"] for line in door.wait_audit(7)].count("unserved") == 3
    assert notakey.pushes("z") == 1


def test_a_user_stays_on_his_server(tmp_path, notakey, pair):
    one, two = pair
    door = door_to(tmp_path, notakey, [section("one", one), section("two", two)],
                   pools=[{"name": "downstream", "policy": "hash"}])
    with door.nas() as nas:
        for _ in range(3):
            for user in range(8):
                assert nas.ask(nas.pap(f"user{user}", "x")).code == wire.ACCESS_ACCEPT
    assert len(user_names(one)) + len(user_names(two)) == 24
    assert not set(user_names(one)) & set(user_names(two))
    assert one.requests and two.requests


def test_servers_come_and_go_with_a_reload(tmp_path, notakey, pair):
    one, two = pair
    door = door_to(tmp_path, notakey, [section("one", one)])
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        door.settings["downstream.server"] = [section("two", two)]
        door.write_config()
        door.reload()
        door.wait_for(lambda: ("reload", "done") in [
            (line["component"], line.get("message", "")[:4]) for line in door.log_lines()],
                      "the reload")
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert (kinds(one), kinds(two)) == ([wire.ACCESS_REQUEST], [wire.ACCESS_REQUEST])
    # Not shown any more.
    assert door.metric("sallyport_downstream_requests_total", server="one") == 0


@pytest.mark.parametrize("change, complaint", [
    ({"downstream.route": [{"pool": "nowhere"}]}, 'there is no pool "nowhere"'),
    ({"downstream.pool": [{"name": "empty"}]}, 'no server belongs to the pool "empty"'),
    ({"downstream.route": [{"pool": "downstream", "clients": ["who"]}]},
     'there is no client "who"'),
    ({"downstream.server": [
        {"name": name, "address": "192.0.2.1", "secret": "0123456789abcdef", **more}
        for name, more in (("one", {"accounting_port": 1813}), ("two", {}))]},
     'is missing, while "one" of the same pool has one'),
    ({"downstream": {"address": "192.0.2.1"}}, "is of no use beside [[downstream.server]]"),
])
def test_what_does_not_fit_together_is_refused(tmp_path, notakey, pair, change, complaint):
    sections = {"downstream": {"address": None, "secret": None},
                "downstream.server": [section("one", pair[0])]}
    sections.update(change)
    if "downstream" in change:
        sections["downstream"]["secret"] = None
    door = Sallyport(tmp_path, pair[0], notakey, wait=False, **sections)
    assert door.wait_exit() != 0
    assert complaint in door.err()


def test_down_and_back_are_a_line_each(tmp_path, notakey, pair):
    """Of the daemon, not of each shard; what was left unanswered once is none."""
    one = pair[0]
    door = door_to(tmp_path, notakey, [section("one", one)], radius={"shards": 2},
                   pools=[{"name": "downstream", "status_server": "yes", "probe_interval": "1s"}])

    def told():
        return [(line["level"], line["message"]) for line in door.log_lines()
                if line.get("message", "").startswith("downstream: ")]

    door.wait_metric(2, "sallyport_downstream_shards", server="one", state="up")
    one.handler = silent
    door.wait_metric(2, "sallyport_downstream_shards", server="one", state="down")
    wait_until(told, door.err)
    assert told() == [("warning", f"downstream: one ({address(one)}) is down: no_status")]
    one.handler = accept
    door.wait_metric(2, "sallyport_downstream_shards", server="one", state="up")
    wait_until(lambda: len(told()) > 1, door.err)
    assert told()[1:] == [("info", f"downstream: one ({address(one)}) answers again")]
