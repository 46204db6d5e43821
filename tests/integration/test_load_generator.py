"""The load generator against servers that people believe, and what it says of those that they
should not."""

import json
import signal
import struct
import subprocess

import pytest
from harness import FreeRadius, NotakeySimulator, Sallyport, wait_until, wire
from harness.net import free_port, loopback_address
from harness.notakey import LAB
from harness.process import Process
from harness.sallyport import client

SECRET = "a secret of load tests"
PASSWORD = "a password of load tests"
USERS = f'DEFAULT User-Name =~ "^user-[0-9]+$", Cleartext-Password := "{PASSWORD}"\n'


@pytest.fixture(name="load")
def fixture_load(tmp_path):
    return Load(tmp_path)


class Load:
    """`sallyport-lab bench radius` with the tests' secret and password."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "secret").write_text(SECRET)
        (folder / "password").write_text(PASSWORD)

    def command(self, server, *options, secret=None):
        (self.folder / "secret").write_text(secret or SECRET)
        host, port = server
        return [LAB, "bench", "radius", "--target", f"{host}:{port}",
                "--secret-file", self.folder / "secret",
                "--password-file", self.folder / "password", "--quiet", "--json", "-",
                *map(str, options)]

    def run(self, server, *options, fails=False, secret=None):
        """The result, and what was written to standard error."""
        done = subprocess.run(self.command(server, *options, secret=secret), capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == (1 if fails else 0), done.stdout + done.stderr
        return json.loads(done.stdout), done.stderr


class RadiusSimulator(Process):
    def __init__(self, folder, *options):
        secret, users = folder / "simulator.secret", folder / "simulator.users"
        secret.write_text(SECRET)
        users.write_text("".join(f"user-{n:07d} {PASSWORD}\n" for n in range(100)))
        super().__init__("simulator", [LAB, "simulate", "radius", "--secret-file", secret,
                                       "--users", users, *options], folder)
        host, port = self.ready_line()["listening"].rsplit(":", 1)
        self.server = (host, int(port))
        self.secret = SECRET

    def counts(self):
        self.stop()
        return json.loads(self.out().splitlines()[-1])


# FreeRADIUS 3.2.1 checks Message-Authenticators, but puts none into replies that are not EAP.
FREERADIUS = "--unsigned-answers"


@pytest.fixture(name="freeradius", scope="module")
def fixture_freeradius(tmp_path_factory):
    server = FreeRadius(tmp_path_factory.mktemp("freeradius"), users=USERS)
    yield server
    server.stop()


@pytest.mark.parametrize("method, rounds", [
    ("pap", 1), ("chap", 1), ("mschapv2", 1),
    ("eap-md5", 3),  # identity, no to the TTLS that this FreeRADIUS proposes first, MD5
])
def test_freeradius_accepts_every_method(load, freeradius, method, rounds):
    result, _ = load.run(freeradius.server, FREERADIUS, "--method", method, "--window", 8,
                         "--requests", 400, "--users", 50, secret=freeradius.secret)
    assert (result["requests"], result["answers"]) == (400, 400)
    assert (result["lost"], result["wrong"], result["rejects"]) == (0, 0, 0)
    # What was begun last may have ended in its middle.
    assert 400 // rounds - 8 <= result["accepts"] <= 400 // rounds
    assert result["latency_us"]["p50"] > 0
    assert sum(count for _, count in result["histogram"]) == 400


def test_freeradius_takes_accounting(load, freeradius):
    result, _ = load.run(freeradius.accounting_server, "--method", "accounting", "--window", 4,
                         "--requests", 200, "--sessions", 20, secret=freeradius.secret)
    assert (result["answers"], result["lost"], result["wrong"]) == (200, 0, 0)
    detail = (freeradius.folder / "accounting").read_text()
    for kind in ("Start", "Interim-Update", "Stop"):
        assert f"Acct-Status-Type = {kind}" in detail


def test_a_wrong_password_is_not_accepted_and_can_be_what_is_expected(load, freeradius):
    (load.folder / "password").write_text("another")
    result, error = load.run(freeradius.server, FREERADIUS, "--window", 1, "--requests", 5,
                             fails=True, secret=freeradius.secret)
    assert result["wrong"] == 1
    assert "Reject" in error
    result, _ = load.run(freeradius.server, FREERADIUS, "--window", 1, "--requests", 5,
                         "--expect", "reject", secret=freeradius.secret)
    assert result["rejects"] == 5


def test_a_wrong_secret_fails_with_a_clear_line(load, freeradius):
    result, error = load.run(freeradius.server, FREERADIUS, "--window", 1, "--requests", 2,
                             "--timeout", "500ms", fails=True, secret="not the secret")
    assert result["answers"] == 0
    assert "secret" in error
    assert "not the secret" not in error


def test_nobody_there_is_told(load):
    address = loopback_address()
    _, error = load.run((address, free_port(address)), "--window", 1, "--requests", 2,
                        "--timeout", "200ms", fails=True)
    assert "nothing listens" in error


def test_loss_and_rejects_are_counted_as_they_were_made(load, tmp_path):
    simulator = RadiusSimulator(tmp_path, "--loss", "0.1", "--reject-share", "0.3", "--seed", "7")
    result, _ = load.run(simulator.server, "--window", 64, "--requests", 2000, "--users", 100,
                         "--expect", "any", "--timeout", "2s")
    counts = simulator.counts()
    assert result["requests"] == counts["received"] == 2000
    assert result["lost"] == counts["lost"] > 100
    assert result["accepts"] == counts["accepted"]
    assert result["rejects"] == counts["rejected"] > 300
    assert result["loss"] == pytest.approx(result["lost"] / 2000)


def test_retransmission_wins_lost_requests_back(load, tmp_path):
    simulator = RadiusSimulator(tmp_path, "--loss", "0.2", "--seed", "3")
    result, _ = load.run(simulator.server, "--window", 64, "--requests", 500, "--users", 100,
                         "--retransmit", "100ms,20")
    assert (result["lost"], result["accepts"]) == (0, 500)
    assert simulator.counts()["received"] == 500 + result["retransmissions"]
    assert result["retransmissions"] >= 50


def test_open_loop_sends_what_it_was_told(load, tmp_path):
    simulator = RadiusSimulator(tmp_path)
    result, _ = load.run(simulator.server, "--rate", 500, "--duration", "2s", "--warm-up", "500ms",
                         "--users", 100, "--clients", 50, "--ports", 2, "--threads", 2)
    assert result["requests"] == 1000
    assert result["answers"] + result["lost"] == 1000
    assert result["offered_rate"] == 500
    assert result["generator"]["threads"] == 2
    assert [second["t_s"] for second in result["series"]] == [1, 2]


def test_latency_includes_what_a_delay_makes_others_wait(load, tmp_path):
    """One request at a time through 20 ms: a fixed rate of 100 piles up, and that must show."""
    simulator = RadiusSimulator(tmp_path, "--delay", "20")
    result, _ = load.run(simulator.server, "--window", 1, "--requests", 20, "--users", 100)
    assert result["latency_us"]["min"] >= 20_000
    assert result["rate"] <= 50


def test_a_search_ends_with_the_highest_rate(load, tmp_path):
    simulator = RadiusSimulator(tmp_path)
    result, _ = load.run(simulator.server, "--search", "--rate", 100, "--max-rate", 400,
                         "--step", "300ms", "--warm-up", "0", "--max-p99", "10s", "--users", 100)
    assert result["mode"] == "search"
    assert result["offered_rate"] == 400
    assert [step["offered"] for step in result["steps"] if step["held"]] == [100, 200, 400]


def test_a_ramp_shows_each_rate(load, tmp_path):
    simulator = RadiusSimulator(tmp_path, "--loss", "1", "--seed", "1")
    result, _ = load.run(simulator.server, "--ramp", "100:300:100", "--step", "200ms",
                         "--warm-up", "0", "--timeout", "100ms", "--users", 100, fails=True)
    assert [step["offered"] for step in result["steps"]] == [100, 200, 300]
    assert not any(step["held"] for step in result["steps"])
    assert all(step["loss"] == 1 for step in result["steps"])


def test_presigned_and_gso_requests_are_as_good(load, freeradius):
    result, _ = load.run(freeradius.server, FREERADIUS, "--window", 64, "--requests", 1000,
                         "--users", 50, "--presigned", 4096, "--gso", "--burst", 16,
                         "--request-octets", 160, secret=freeradius.secret)
    assert (result["accepts"], result["lost"], result["wrong"]) == (1000, 0, 0)


def test_thousands_of_clients(load, tmp_path):
    simulator = RadiusSimulator(tmp_path)
    result, _ = load.run(simulator.server, "--window", 500, "--requests", 8192, "--users", 100,
                         "--clients", 1024, "--ports", 4)
    assert (result["accepts"], result["lost"]) == (8192, 0)


@pytest.mark.parametrize("when", ["at-once", "answered"])
def test_sallyport_answers_duplicates_with_the_same_octets(load, tmp_path, when):
    simulator = RadiusSimulator(tmp_path)
    notakey = NotakeySimulator(tmp_path, options=["--default", "approve"])
    door = Sallyport(tmp_path, simulator, notakey, clients=[client(secret=SECRET)])
    result, _ = load.run(door.server, "--window", 16, "--requests", 300, "--users", 100,
                         "--duplicates", 2, "--duplicate-when", when)
    assert (result["accepts"], result["lost"]) == (300, 0)
    assert result["duplicates_sent"] == 600
    assert result["differing_answers"] == 0
    if when == "answered":
        assert result["duplicate_answers"] == 600
    assert simulator.counts()["received"] == 300


def test_an_interrupt_keeps_the_result_so_far(load, tmp_path):
    simulator = RadiusSimulator(tmp_path)
    run = Process("load", load.command(simulator.server, "--rate", 200, "--duration", "1h",
                                       "--warm-up", "0", "--users", 100), tmp_path)
    def received():
        simulator.signal(signal.SIGUSR1)
        return any(json.loads(line).get("received", 0) > 50
                   for line in simulator.out().splitlines()[:-1])

    wait_until(received, simulator.tail)
    run.signal(signal.SIGINT)
    assert run.wait_exit() == 0
    result = json.loads(run.out())
    assert result["interrupted"] is True
    assert result["answers"] > 20
    assert result["duration_s"] < 3600


def pcap(packets):
    """Classic pcap, Ethernet, IPv4, UDP; 1 ms between packets."""
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, payload in enumerate(packets):
        udp = struct.pack("!HHHH", 40000, 1812, 8 + len(payload), 0) + payload
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                             b"\x0a\0\0\1", b"\x0a\0\0\2")
        frame = bytes(12) + b"\x08\0" + header + udp
        octets += struct.pack("<IIII", 1, number * 1000, len(frame), len(frame)) + frame
    return octets


def test_a_capture_is_replayed_with_our_signatures(load, freeradius, tmp_path):
    captured = b"the secret of the captured network"
    requests = [wire.pap(captured, f"user-{n:07d}", PASSWORD, identifier=n).octets()
                for n in range(20)]
    (tmp_path / "logins.pcap").write_bytes(pcap(requests + [b"no RADIUS at all"]))
    (tmp_path / "captured").write_bytes(captured)
    result, _ = load.run(freeradius.server, FREERADIUS, "--method",
                         f"replay:{tmp_path}/logins.pcap", "--capture-secret-file",
                         tmp_path / "captured", secret=freeradius.secret)
    assert (result["requests"], result["accepts"], result["wrong"]) == (20, 20, 0)
    (tmp_path / "cut.pcap").write_bytes(pcap(requests)[:10])
    done = subprocess.run(load.command(freeradius.server, "--method",
                                       f"replay:{tmp_path}/cut.pcap"),
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cut.pcap" in done.stderr


def test_secrets_stay_in_their_files(load, tmp_path):
    simulator = RadiusSimulator(tmp_path)
    (load.folder / "password").write_text(PASSWORD)
    done = subprocess.run(load.command(simulator.server, "--window", 1, "--requests", 1),
                          capture_output=True, text=True, timeout=60, check=False)
    for text in (SECRET, PASSWORD):
        assert text not in done.stdout + done.stderr
