"""API version 3: OAuth client credentials, one token for all, renewed once when it is refused."""

import pytest
from harness import FakeDownstream, NotakeySimulator, Sallyport, wire
from harness.downstream import accept


@pytest.fixture
def downstream():
    with FakeDownstream(accept) as server:
        yield server


@pytest.fixture
def notakey(tmp_path):
    return NotakeySimulator(tmp_path, version="v3")


@pytest.fixture
def door(tmp_path, downstream, notakey):
    return Sallyport(tmp_path, downstream, notakey, notakey={"ttl": "8s", "timeout": "4s"})


def login(door, user, password="x"):
    with door.nas() as nas:
        return nas.ask(nas.pap(user, password)).code


@pytest.mark.parametrize("user, code", [
    ("alice", wire.ACCESS_ACCEPT),
    ("denise", wire.ACCESS_REJECT),
    ("erika", wire.ACCESS_REJECT),
    ("stranger", wire.ACCESS_REJECT),
    ("nodevice", wire.ACCESS_REJECT),
])
def test_verdicts(door, user, code):
    assert login(door, user) == code


def test_one_token_serves_many_logins(door, notakey):
    for _ in range(5):
        assert login(door, "alice") == wire.ACCESS_ACCEPT
    assert notakey.stats()["tokens"] == 1


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("call", ["create", "poll"])
def test_a_refused_token_is_renewed_once(door, notakey, call, status):
    assert login(door, "alice") == wire.ACCESS_ACCEPT
    before = notakey.stats()["tokens"]
    notakey.fault(call=call, kind="refuse-token", status=status, count=1)
    assert login(door, "alice", "another login") == wire.ACCESS_ACCEPT
    assert notakey.stats()["tokens"] == before + 1
    assert notakey.pushes("alice") == 2


def test_a_second_refusal_is_final(tmp_path, downstream, notakey):
    """No push is out: the policy decides."""
    notakey.fault(call="create", kind="refuse-token", status=403)
    door = Sallyport(tmp_path, downstream, notakey, second_factor={"on_unavailable": "allow"})
    assert login(door, "alice") == wire.ACCESS_ACCEPT
    (line,) = door.wait_audit(1)
    assert line["policy"] == "on_unavailable=allow"
    assert notakey.requests() == []


@pytest.mark.parametrize("fault", [
    {"kind": "status", "status": 500}, {"kind": "bad-json"}, {"kind": "cut"}, {"kind": "hang"}])
def test_no_token_no_push(tmp_path, downstream, notakey, fault):
    notakey.fault(call="token", **fault)
    door = Sallyport(tmp_path, downstream, notakey, notakey={"timeout": "1s"})
    assert login(door, "alice") == wire.ACCESS_REJECT
    (line,) = door.wait_audit(1)
    assert line["outcome"] == "unavailable_denied"
    assert notakey.requests() == []


def test_wrong_client_credentials(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, notakey={"client_secret": "a wrong one"})
    assert login(door, "alice") == wire.ACCESS_REJECT
    assert notakey.requests() == []


def test_a_token_that_runs_out_is_replaced_before_it_is_refused(tmp_path, downstream):
    notakey = NotakeySimulator(tmp_path, version="v3", options=["--token-lifetime", "1s"])
    door = Sallyport(tmp_path, downstream, notakey)
    assert login(door, "alice") == wire.ACCESS_ACCEPT
    door.wait_for(lambda: login(door, "alice") == wire.ACCESS_ACCEPT
                  and notakey.stats()["tokens"] >= 2, "a second token")


def test_logins_at_once_fetch_one_token(door, notakey):
    with door.nas() as nas:
        requests = [nas.pap("alice", f"password {n}") for n in range(20)]
        for request in requests:
            nas.send(request)
        assert {nas.receive_octets()[0] for _ in requests} == {wire.ACCESS_ACCEPT}
    assert notakey.stats()["tokens"] == 1


def test_a_profile_replaces_the_texts(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey,
                     notakey={"profile": "0c1f4f0e-6a4e-4d55-8a1b-6f0f9f1c2a11"})
    assert login(door, "alice") == wire.ACCESS_ACCEPT
    (push,) = notakey.requests()
    assert "alice" not in push["description"]
