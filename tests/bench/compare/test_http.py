"""The HTTP scenario: when a proxy's core has a neighbour, and what is said of one that waited."""

import pytest

from compare import http_scenario
from compare.machine import Cores


@pytest.fixture
def started(bench, monkeypatch):
    calls = []
    monkeypatch.setattr(type(bench.children), "spin",
                        lambda _, name, cpus: calls.append((name, set(cpus))) or ["neighbour"])
    return calls


@pytest.mark.parametrize("cores, expected", [
    ({0, 1}, [("neighbour-0", {0}), ("neighbour-1", {0})]),
    ({0, 1, 2}, []),
])
def test_a_neighbour_where_load_and_origin_share_a_core(bench, started, cores, expected):
    bench.cores = Cores.of(cores)
    http_scenario.neighbours(bench)
    assert started == expected


@pytest.mark.parametrize("busy, said", [(0.44, True), (0.46, False)])
def test_what_waited_is_named(bench, busy, said):
    bench.rounds.append({"scenario": http_scenario.SCENARIO, "system": "nginx", "round": 0,
                         "proxy_busy": busy})
    http_scenario._say_what_was_the_limit(bench, 0.5)
    assert bool(bench.limits) == said
