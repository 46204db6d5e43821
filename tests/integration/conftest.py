"""Fixtures. Every process of a test is stopped at its end, and shown when it fails."""

import pytest
from harness import FakeDownstream, FreeRadius, NotakeySimulator, Sallyport, process
from harness.downstream import accept
from takeover_lab import Generations


@pytest.fixture(scope="session")
def freeradius(tmp_path_factory):
    server = FreeRadius(tmp_path_factory.mktemp("freeradius"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _children(request):
    # Session-wide servers are started first and stay.
    if "freeradius" in request.fixturenames:
        request.getfixturevalue("freeradius")
    first = process.marker()
    yield
    broken = process.stop_and_forget(first)
    assert not broken, "\n".join(broken)


@pytest.fixture
def downstream():
    """A downstream of our own that accepts everybody."""
    with FakeDownstream(accept) as server:
        yield server


@pytest.fixture
def notakey(tmp_path):
    """The Notakey simulator, API version 2, plain HTTP."""
    return NotakeySimulator(tmp_path)


@pytest.fixture
def door(tmp_path, freeradius, notakey):
    """The daemon between 127.0.0.0/8 and FreeRADIUS, with the simulator as second factor."""
    return Sallyport(tmp_path, freeradius, notakey)


@pytest.fixture
def start_generations(tmp_path):
    """Starts a daemon that others take over from; all of them end with the test."""
    started = []

    def start(downstream, notakey, /, **settings):
        settings.setdefault("radius", {}).setdefault("duplicate_window", "5s")
        started.append(Generations(Sallyport(tmp_path, downstream, notakey, **settings)))
        return started[-1]

    yield start
    for generations in started:
        generations.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        report.sections.append(("processes", process.tails()))
