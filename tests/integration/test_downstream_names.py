"""The downstream's name moves while the daemon runs; docs/pools.md, Names."""

import ctypes
import os
import socket
import struct
import subprocess
import threading

import pytest
from harness import FakeDownstream, Sallyport, wait_until, wire
from harness.downstream import accept, silent
from harness.net import PATIENCE_S, free_port, loopback_address

NAME = "radius.example"
A, ANY = 1, 255
# A name is asked for again after 5 s at the least, and after 10 s where nobody knew it.
LONG_S = 3 * PATIENCE_S


class NameServer:
    """Answers for NAME with `addresses`, in this order, for `ttl` seconds; for all else with "no
    such name". With `addresses` None it is silent."""

    def __init__(self, addresses, ttl=1):
        self.addresses = addresses
        self.ttl = ttl
        self.asked = 0
        self.ignored = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((loopback_address(), 53))
        self.address = self.socket.getsockname()[0]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            if not query:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            question = query[12:at + 5]
            if self.addresses is None:
                self.ignored += 1
                continue
            known = ".".join(labels) == NAME
            wanted = struct.unpack("!H", query[at + 1:at + 3])[0]
            answers = self.addresses if known and wanted in (A, ANY) else []
            self.asked += known and wanted == A
            records = b"".join(struct.pack("!HHHIH4s", 0xc00c, A, 1, self.ttl, 4,
                                           socket.inet_aton(each)) for each in answers)
            flags = 0x8180 | (0 if known else 3)
            self.socket.sendto(query[:2] + struct.pack("!HHHHH", flags, 1, len(answers), 0, 0) +
                               question + records, peer)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.socket.getsockname())
        self._thread.join()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000


def with_resolver(file):
    """Gives the process that runs this a mount namespace with another /etc/resolv.conf."""
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.unshare(CLONE_NEWNS) != 0 or
            libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0 or
            libc.mount(os.fsencode(file), b"/etc/resolv.conf", None, MS_BIND, None) != 0):
        raise OSError(ctypes.get_errno(), "no /etc/resolv.conf of its own")


@pytest.fixture(autouse=True)
def _needs_root(tmp_path):
    file = tmp_path / "probe"
    file.touch()
    try:
        subprocess.run(["true"], preexec_fn=lambda: with_resolver(file), check=True)
    except subprocess.SubprocessError:
        pytest.skip("no mount namespace of its own, for another /etc/resolv.conf: needs root")


@pytest.fixture
def pair():
    port = free_port("127.0.0.1")
    with FakeDownstream(accept, port=port) as one, FakeDownstream(accept, port=port) as two:
        yield one, two


def door_to(folder, notakey, names, port, patience="timeout:4 attempts:1"):
    file = folder / "resolv.conf"
    file.write_text(f"nameserver {names.address}\noptions {patience}\n")
    named = type("Named", (), {"server": (NAME, port), "secret": "downstream-secret-of-the-tests"})
    return Sallyport(folder, named, notakey, preexec=lambda: with_resolver(file))


def messages(door):
    return [line.get("message", "") for line in door.log_lines()]


def test_a_name_that_moves_is_followed(tmp_path, notakey, pair):
    one, two = pair
    with NameServer([one.server[0]]) as names:
        door = door_to(tmp_path, notakey, names, one.server[1])
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
            # What is under way ends where it is.
            one.handler = silent
            pending = nas.pap("alice", "y")
            nas.send(pending)
            wait_until(lambda: len(one.requests) == 2, "the second request at the first server")
            names.addresses = [two.server[0]]
            move = f"{NAME} is {two.server[0]} now, it was {one.server[0]}"
            door.wait_for(lambda: any(move in line for line in messages(door)), "the move", LONG_S)
            assert nas.ask(nas.pap("alice", "z")).code == wire.ACCESS_ACCEPT
            assert len(two.requests) == 1
        assert f'"address":"{two.server[0]}:{two.server[1]}"' in door.http("/status")[1]


def test_of_several_addresses_the_one_in_use_stays(tmp_path, notakey, pair):
    one, two = pair
    with NameServer([one.server[0]]) as names:
        door = door_to(tmp_path, notakey, names, one.server[1])
        names.addresses = [two.server[0], one.server[0]]
        before = names.asked
        # Three times: the last of them comes after the one before has been looked at.
        wait_until(lambda: names.asked >= before + 3, "the name to be asked for again", LONG_S)
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert len(one.requests) == 1 and not two.requests


def test_while_nobody_knows_the_name_its_address_stays(tmp_path, notakey, pair):
    one, two = pair
    with NameServer([one.server[0]]) as names:
        door = door_to(tmp_path, notakey, names, one.server[1], patience="timeout:2 attempts:1")
        names.addresses = None
        door.wait_for(lambda: any("the addresses known stay in use" in line
                                  for line in messages(door)), "the complaint", LONG_S)
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
            names.addresses = [two.server[0]]
            door.wait_for(lambda: any(f"is {two.server[0]} now" in line
                                      for line in messages(door)), "the move", LONG_S)
            assert nas.ask(nas.pap("alice", "z")).code == wire.ACCESS_ACCEPT
    assert len(one.requests) == 1 and len(two.requests) == 1


def test_the_daemon_ends_though_a_name_server_is_silent(tmp_path, notakey, pair):
    one, _ = pair
    with NameServer([one.server[0]]) as names:
        door = door_to(tmp_path, notakey, names, one.server[1], patience="timeout:30 attempts:5")
        names.addresses = None
        wait_until(lambda: names.ignored > 0, "a question without an answer")
        assert door.terminate_and_wait() == 0
