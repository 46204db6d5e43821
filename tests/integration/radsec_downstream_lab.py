"""What the tests of servers over TLS have in common."""

import pytest
from harness import NotakeySimulator, Sallyport, wait_until
from harness.radsec import Authority
from harness.radsec_servers import NAME, TlsDownstream, accept

NOBODY = type("Nobody", (), {"server": ("127.0.0.1", 9), "secret": "x"})
# No retransmission comes within a test, and no time-out.
PATIENT = {"retransmit": "60s", "send_timeout": "60s", "receive_timeout": "60s"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ours(authority):
    """What the daemon shows."""
    return authority.issue("proxy.example.net")


@pytest.fixture(scope="module")
def theirs(authority):
    """What the server shows."""
    return authority.issue(NAME, usage="serverAuth")


@pytest.fixture
def notakey(tmp_path):
    names = ["alice", "bob", "carol", "User", *(f"user{i}" for i in range(40))]
    return NotakeySimulator(tmp_path, users=[f"{name}=approve:0s" for name in names])


def door_to(folder, notakey, servers, pools=(), **sections):
    downstream = {"address": None, "secret": None, **sections.pop("downstream", {})}
    more = {"downstream.server": servers}
    if pools:
        more["downstream.pool"] = list(pools)
    return Sallyport(folder, NOBODY, notakey, downstream=downstream, **more, **sections)


def is_connected(door, count=1, **labels):
    door.wait_metric(count, "sallyport_downstream_connections", **labels)


@pytest.fixture
def fake(authority, theirs):
    with TlsDownstream(accept, authority, theirs) as server:
        yield server


def has_problem(door, reason, server="one"):
    wait_until(lambda: door.metric("sallyport_downstream_problem", server=server,
                                   reason=reason) == 1,
               lambda: f"the problem {reason}: {door.http('/status')[1]}")


def told(door, text):
    return [line["message"] for line in door.log_lines() if text in line.get("message", "")]
