"""Policies, remembered approvals, limits, additions to an Accept: through the real daemon."""

import pytest
from harness import FakeDownstream, Sallyport, wire

HOME = [(wire.CALLING_STATION_ID, b"198.51.100.7")]
HOTEL = [(wire.CALLING_STATION_ID, b"203.0.113.9")]
NAS_PORT_TYPE = 61
VIRTUAL = (NAS_PORT_TYPE, bytes([0, 0, 0, 5]))
ETHERNET = (NAS_PORT_TYPE, bytes([0, 0, 0, 15]))

# Beyond any test's patience, so that no window ends while it runs.
DAY = "24h"


def groups_of(request, downstream):
    """Accepts everybody; who is called admin… is in the group admins, all others in staff."""
    name = dict(wire.parse_attributes(request))[wire.USER_NAME]
    group = b"admins" if name.startswith(b"admin") else b"staff"
    return downstream.reply(request, wire.ACCESS_ACCEPT, [(wire.FILTER_ID, group)])


@pytest.fixture
def downstream():
    with FakeDownstream(groups_of) as server:
        yield server


def ask(door, user, extra=()):
    with door.nas() as nas:
        return nas.ask(nas.pap(user, "x", extra))


def test_the_first_policy_that_matches_decides(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, policy=[
        {"name": "closed", "users": ["mallory"], "action": "deny", "message": "Not {user}."},
        {"name": "backup", "users": ["svc-*"], "networks": ["127.0.0.0/8"], "action": "exempt"},
        {"name": "house", "groups": ["Staff"], "nas_port_types": ["Ethernet"], "action": "exempt"},
        {"name": "asked", "groups": ["admins"]},
    ])
    denied = ask(door, "Mallory@example.net")
    assert (denied.code, denied.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Not Mallory@example.net.")
    assert ask(door, "svc-backup").code == wire.ACCESS_ACCEPT
    assert ask(door, "nobody", [ETHERNET]).code == wire.ACCESS_ACCEPT
    assert notakey.requests() == []
    assert ask(door, "alice", [VIRTUAL]).code == wire.ACCESS_ACCEPT
    assert notakey.pushes("alice") == 1
    lines = door.wait_audit(4)
    assert [(line["outcome"], line.get("policy")) for line in lines] == [
        ("policy_denied", "closed"), ("exempted", "backup"), ("exempted", "house"),
        ("approved", None)]
    door.wait_metric(2, "sallyport_radius_allowed_by_policy_total")


def test_a_reload_takes_policies_over(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey)
    assert ask(door, "denise").code == wire.ACCESS_REJECT
    door.settings["policy"] = [{"name": "denise", "users": ["denise"], "action": "exempt"}]
    door.write_config()
    door.reload()
    door.wait_for(lambda: ask(door, "denise").code == wire.ACCESS_ACCEPT, "the new policy")


def test_an_approval_is_remembered_where_it_was_given(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, second_factor={"remember": DAY})
    for _ in range(3):
        assert ask(door, "alice", HOME).code == wire.ACCESS_ACCEPT
    assert notakey.pushes("alice") == 1
    assert ask(door, "alice", HOTEL).code == wire.ACCESS_ACCEPT
    assert ask(door, "alice").code == wire.ACCESS_ACCEPT
    assert ask(door, "alice").code == wire.ACCESS_ACCEPT
    assert notakey.pushes("alice") == 4
    outcomes = [line["outcome"] for line in door.wait_audit(6)]
    assert outcomes == ["approved", "remembered", "remembered", "approved", "approved", "approved"]


def test_who_is_asked_too_often_is_asked_no_more(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey, second_factor={"on_unavailable": "allow"},
                     **{"second_factor.limits": {"pair": "2/" + DAY, "cool_down": DAY}})
    assert [ask(door, "alice", HOME).code for _ in range(3)] == [wire.ACCESS_ACCEPT] * 3
    denied = ask(door, "denise", HOME)
    limited = ask(door, "denise", HOME)
    assert denied.text(wire.REPLY_MESSAGE) == "Login denied on the phone."
    assert (limited.code, limited.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Too many login attempts. Wait a few minutes.")
    assert notakey.pushes("denise") == 1
    line = door.wait_audit(5)[-1]
    assert (line["outcome"], line["verdict"], line["detail"]) == (
        "limited", "limited", "user has just denied a login")


def test_nobody_elsewhere_locks_out_who_approved_before(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey,
                     **{"second_factor.limits": {"user": "3/" + DAY}})
    assert ask(door, "alice", HOME).code == wire.ACCESS_ACCEPT
    codes = [ask(door, "alice", [(wire.CALLING_STATION_ID, b"bad %d" % i)]).code for i in range(4)]
    assert codes == [wire.ACCESS_ACCEPT] * 2 + [wire.ACCESS_REJECT] * 2
    assert ask(door, "alice", HOME).code == wire.ACCESS_ACCEPT


def test_an_approved_accept_says_so(tmp_path, downstream, notakey):
    door = Sallyport(
        tmp_path, downstream, notakey,
        second_factor={"accept_attributes": ["Class = mfa=push"]},
        policy=[{"name": "backup", "users": ["svc"], "action": "exempt"},
                {"name": "admins", "groups": ["admins"],
                 "accept_attributes": ["26.9.1 = shell:priv-lvl=1", "Filter-Id = mfa"]}])
    states = [(wire.PROXY_STATE, b"one"), (wire.PROXY_STATE, b"two")]
    approved = ask(door, "alice", states)
    assert approved.get(wire.MESSAGE_AUTHENTICATOR)
    assert approved.attributes[1:] == [
        (wire.FILTER_ID, b"staff"), *states, (wire.CLASS, b"mfa=push")]
    assert ask(door, "svc").attributes[1:] == [(wire.FILTER_ID, b"staff")]


def test_messages_are_filled_in(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey,
                     second_factor={"denied_message": "{user} from {calling_station}: denied"})
    assert ask(door, "denise", HOME).text(wire.REPLY_MESSAGE) == "denise from 198.51.100.7: denied"
