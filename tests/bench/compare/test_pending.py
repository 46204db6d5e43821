"""The scenario of pending users: what its comparison cannot see is looked at."""

import dataclasses

import pytest
from compare import accounting, pending
from compare.machine import Cores
from compare.processes import ChildFailed
from compare.systems import Server


@dataclasses.dataclass(frozen=True)
class Process:
    pid: int = 1


@pytest.fixture
def server():
    return Server("sallyport", ("127.0.0.1", 1812), Process())


def test_verify_on_the_core_of_a_shard_ends_the_run(bench, server, monkeypatch):
    bench.cores = Cores.of({0, 1})
    monkeypatch.setattr(accounting, "threads", lambda _: [("shard-0", {0}), ("verify", {0, 1})])
    with pytest.raises(ChildFailed, match="verify may run on the shard's core"):
        pending.check_cores(bench, server)
    monkeypatch.setattr(accounting, "threads", lambda _: [("shard-0", {0}), ("verify", {1})])
    pending.check_cores(bench, server)
    assert bench.limits == []


def test_one_core_is_shared_and_said(bench, server):
    pending.check_cores(bench, server)
    assert "one core" in bench.limits[0]
