"""NtkP 1.0.0's options under their own names, by environment and by command line: its image can be
replaced and nothing else changed."""

import pathlib
import socket
import time

import pytest
from harness import FakeDownstream, Nas, NoAnswer, Process, wait_until, wire
from harness.downstream import accept, silent
from harness.net import free_port, loopback_address
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT

SECRET_IN = "ntkp-client-secret"


class Ntkp(Process):
    """The daemon started with NtkP's options only. `how`: "environment" or "command line"."""

    def __init__(self, folder, how, options, address, port, wait=True):
        env, arguments = dict(CLEAN_ENVIRONMENT), []
        if how == "environment":
            env |= options
        else:
            for name, value in options.items():
                arguments += ["--" + name.lower().replace("_", "-"), value]
        self.server = (address, port)
        super().__init__("sallyport", [BINARY, "run", *arguments], folder, env=env)
        if wait:
            self.wait_ready()

    def wait_ready(self, secret=SECRET_IN):
        def alive():
            # Another socket each time: a late answer is to an earlier question.
            with Nas(self.server, secret) as nas:
                try:
                    nas.ask(nas.status_server(), 0.2)
                except (NoAnswer, ConnectionError):
                    return False
                return True

        self.wait_for(alive, "an answer to Status-Server")


def options_for(downstream, notakey, address, port, **changes):
    options = {
        "NOTAKEY_HOST": notakey.host,
        "NOTAKEY_ACCESS_ID": notakey.access_id,
        "LISTEN_ADDRESS": address,
        "PORT_IN": str(port),
        "ADDRESS_SECRET_IN": f"0.0.0.0:{SECRET_IN}",
        "DOWNSTREAM_ADDRESS": downstream.server[0],
        "PORT_OUT": str(downstream.server[1]),
        "SECRET_OUT": downstream.secret,
    }
    options |= changes
    return {name: value for name, value in options.items() if value is not None}


@pytest.fixture
def place():
    address = loopback_address()
    return address, free_port(address)


@pytest.fixture(params=["environment", "command line"])
def how(request):
    return request.param


def test_a_working_proxy_from_those_options_alone(tmp_path, freeradius, notakey, place, how):
    proxy = Ntkp(tmp_path, how, options_for(freeradius, notakey, *place), *place)
    with Nas(proxy.server, SECRET_IN) as nas:
        assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT
        assert nas.ask(nas.pap("alice", "wrong")).code == wire.ACCESS_REJECT
        assert nas.ask(nas.pap("denise", "x")).code == wire.ACCESS_REJECT
    assert notakey.pushes() == 1


def test_no_secret_is_printed(tmp_path, freeradius, notakey, place, how):
    proxy = Ntkp(tmp_path, how, options_for(freeradius, notakey, *place), *place)
    with Nas(proxy.server, SECRET_IN) as nas:
        nas.ask(nas.pap("alice", "wonderland"))
    proxy.terminate_and_wait()
    for secret in (SECRET_IN, freeradius.secret, "wonderland"):
        assert secret not in proxy.output()


def test_no_secret_stays_in_the_argument_list(tmp_path, freeradius, notakey, place):
    proxy = Ntkp(tmp_path, "command line", options_for(freeradius, notakey, *place), *place)
    arguments = pathlib.Path(f"/proc/{proxy.pid}/cmdline").read_bytes()
    assert b"--secret-out" in arguments
    assert SECRET_IN.encode() not in arguments
    assert freeradius.secret.encode() not in arguments


@pytest.mark.parametrize("timeout", ["1", "1.5", "00:00:01"])
def test_proxy_timeouts(tmp_path, notakey, place, how, timeout):
    """A request that nobody answers is forgotten after PROXY_RECEIVE_TIMEOUT."""
    with FakeDownstream(silent) as downstream:
        options = options_for(downstream, notakey, *place, PROXY_SEND_TIMEOUT=timeout,
                              PROXY_RECEIVE_TIMEOUT=timeout)
        proxy = Ntkp(tmp_path, how, options, *place)
        with Nas(proxy.server, SECRET_IN) as nas:
            nas.send(nas.pap("alice", "x"))
            wait_until(lambda: "downstream_timeout" in proxy.output(), "the time-out's audit line")


def test_notakey_timeout(tmp_path, notakey, place, how):
    """NOTAKEY_TIMEOUT bounds one call to the API: a call that hangs is given up after it, and not
    after the default of 5 s."""
    notakey.fault(call="create", kind="hang")
    with FakeDownstream(accept) as downstream:
        options = options_for(downstream, notakey, *place, NOTAKEY_TIMEOUT="6")
        proxy = Ntkp(tmp_path, how, options, *place)
        begin = time.monotonic()
        with Nas(proxy.server, SECRET_IN) as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT
        assert time.monotonic() - begin >= 6


def test_the_command_line_wins(tmp_path, freeradius, notakey, place):
    wrong = {"NOTAKEY_HOST": "http://127.0.0.1:1", "SECRET_OUT": "not the secret at all"}
    options = options_for(freeradius, notakey, *place)
    arguments = []
    for name, value in options.items():
        arguments += ["--" + name.lower().replace("_", "-"), value]
    process = Process("sallyport", [BINARY, "run", *arguments], tmp_path,
                      env=CLEAN_ENVIRONMENT | wrong)
    process.server = place
    Ntkp.wait_ready(process)
    with Nas(place, SECRET_IN) as nas:
        assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT


def test_a_list_of_clients(tmp_path, freeradius, notakey, place, how):
    """Comma-separated; a secret may hold colons and commas of its own."""
    secrets = {"127.0.0.1": "first:secret,of the tests", "127.0.0.2": "second secret of tests"}
    pairs = ",".join(f"{address}:{secret}" for address, secret in secrets.items())
    options = options_for(freeradius, notakey, *place, ADDRESS_SECRET_IN=pairs)
    proxy = Ntkp(tmp_path, how, options, *place, wait=False)
    proxy.wait_ready(secrets["127.0.0.1"])
    for address, secret in secrets.items():
        with Nas(proxy.server, secret, address) as nas:
            assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT
    with Nas(proxy.server, secrets["127.0.0.1"], "127.0.0.3") as stranger:
        stranger.send(stranger.pap("alice", "wonderland"))
        assert stranger.nothing_arrives()


def test_ipv6_in_brackets(tmp_path, freeradius, notakey, how):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 on the loopback interface")
    place = ("::1", free_port("::1"))
    for accepted in ("[::1]", "[::]"):
        pairs = f"192.0.2.1:other secret here,{accepted}:{SECRET_IN}"
        options = options_for(freeradius, notakey, *place, ADDRESS_SECRET_IN=pairs)
        proxy = Ntkp(tmp_path, how, options, *place)
        with Nas(proxy.server, SECRET_IN) as nas:
            assert nas.ask(nas.pap("alice", "wonderland")).code == wire.ACCESS_ACCEPT
        proxy.terminate_and_wait()


def test_an_ipv6_downstream(tmp_path, notakey, place, how):
    try:
        downstream = FakeDownstream(accept, address="::1")
    except OSError:
        pytest.skip("no IPv6 on the loopback interface")
    with downstream:
        proxy = Ntkp(tmp_path, how, options_for(downstream, notakey, *place), *place)
        with Nas(proxy.server, SECRET_IN) as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT


REQUIRED = ["NOTAKEY_HOST", "NOTAKEY_ACCESS_ID", "ADDRESS_SECRET_IN", "DOWNSTREAM_ADDRESS",
            "SECRET_OUT"]


@pytest.mark.parametrize("missing", REQUIRED)
def test_what_is_missing_is_named(tmp_path, freeradius, notakey, place, how, missing):
    options = options_for(freeradius, notakey, *place, **{missing: None})
    proxy = Ntkp(tmp_path, how, options, *place, wait=False)
    assert proxy.wait_exit() == 1
    assert missing in proxy.err() or "--" + missing.lower().replace("_", "-") in proxy.err()
    assert SECRET_IN not in proxy.err() and freeradius.secret not in proxy.err()


WRONG = {
    "PORT_IN": "seventeen",
    "PORT_OUT": "65536",
    "LISTEN_ADDRESS": "no-address",
    "ADDRESS_SECRET_IN": f"127.0.0.1{SECRET_IN}",
    "NOTAKEY_TIMEOUT": "soon",
    "PROXY_SEND_TIMEOUT": "-1",
    "PROXY_RECEIVE_TIMEOUT": "1:2:3:4",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_and_never_repeated_when_secret(
    tmp_path, freeradius, notakey, place, how, name
):
    options = options_for(freeradius, notakey, *place, **{name: WRONG[name]})
    proxy = Ntkp(tmp_path, how, options, *place, wait=False)
    assert proxy.wait_exit() in (1, 2)
    assert name in proxy.err() or "--" + name.lower().replace("_", "-") in proxy.err()
    assert SECRET_IN not in proxy.output()


def test_every_mistake_is_told_at_once(tmp_path, freeradius, notakey, place):
    options = options_for(freeradius, notakey, *place, PORT_IN="x", PORT_OUT="y",
                          NOTAKEY_TIMEOUT="z")
    proxy = Ntkp(tmp_path, "environment", options, *place, wait=False)
    assert proxy.wait_exit() == 1
    for name in ("PORT_IN", "PORT_OUT", "NOTAKEY_TIMEOUT"):
        assert name in proxy.err()


def test_defaults_are_ntkps(tmp_path, freeradius, notakey):
    """LISTEN_ADDRESS 127.0.0.1 and PORT_IN 1812, as NtkP 1.0.0 has them."""
    options = options_for(freeradius, notakey, "", 0, LISTEN_ADDRESS=None, PORT_IN=None)
    proxy = Ntkp(tmp_path, "environment", options, "127.0.0.1", 1812, wait=False)
    wait_until(lambda: "127.0.0.1:1812" in proxy.output(), lambda: "its address\n" + proxy.output())
