"""Servers over TLS: whose certificate is believed, and what a configuration must say
(docs/radsec.md)."""

import contextlib
import ssl

import pytest
from harness import Sallyport, loopback_address, wait_until, wire
from harness.radsec import Authority
from harness.radsec_servers import NAME, TlsDownstream, accept, server_section
from harness.sallyport import ROOT, toml, filled_in
from radsec_downstream_lab import (NOBODY, authority, door_to, fake, has_problem, notakey, ours,
                                   theirs, told)

__all__ = ["authority", "fake", "notakey", "ours", "theirs"]  # fixtures


# --- Certificates ----------------------------------------------------------------------------

def problem_with(door, server, reason):
    has_problem(door, reason)
    assert not server.requests
    lines = wait_until(lambda: told(door, "has no connection over TLS"), door.err)
    assert any(reason in line for line in lines), lines
    # Once, whatever the number of attempts.
    wait_until(lambda: door.metric("sallyport_downstream_connections_lost_total") >= 2, "attempts")
    assert len(told(door, "has no connection over TLS")) == len(lines)


def test_a_certificate_of_nobody_we_trust(tmp_path, notakey, authority, ours):
    other = Authority(tmp_path / "other")
    with TlsDownstream(accept, authority, other.issue(NAME, usage="serverAuth")) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        problem_with(door, server, "untrusted")


def test_a_certificate_for_another_name(tmp_path, notakey, authority, ours):
    other = authority.issue("other.example.net", usage="serverAuth")
    with TlsDownstream(accept, authority, other) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        problem_with(door, server, "wrong_name")


def test_a_certificate_that_has_expired(tmp_path, notakey, authority, ours):
    old = authority.issue(NAME, usage="serverAuth", days=-1)
    with TlsDownstream(accept, authority, old) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        problem_with(door, server, "expired")


def test_a_certificate_for_clients(tmp_path, notakey, authority, ours):
    with TlsDownstream(accept, authority, authority.issue(NAME)) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        problem_with(door, server, "certificate")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_does_not_trust_us(tmp_path, notakey, authority, theirs, version):
    other = Authority(tmp_path / "other")
    with TlsDownstream(accept, authority, theirs, version=version) as server:
        section = server_section("one", server, authority, other.issue("proxy.example.net"))
        door = door_to(tmp_path, notakey, [section])
        wait_until(lambda: door.metric("sallyport_downstream_connections_lost_total") >= 2,
                   "attempts")
        has_problem(door, "handshake")
        wait_until(lambda: told(door, "over TLS"), door.err)
        assert server.failures and not server.requests
        assert len(told(door, "over TLS")) == 1


class Refuser(TlsDownstream):
    """Has looked at the certificate, and hangs up without a word."""

    def _serve(self, raw):
        with contextlib.suppress(OSError, ssl.SSLError):
            self.context.wrap_socket(raw, server_side=True).close()


def test_a_server_that_hangs_up_on_us(tmp_path, notakey, authority, ours, theirs):
    with Refuser(accept, authority, theirs) as server:
        door = door_to(tmp_path, notakey, [server_section("one", server, authority, ours)])
        wait_until(lambda: door.metric("sallyport_downstream_connections_lost_total") >= 3,
                   "attempts")
        # Later attempts are reset: by then something has been sent to it.
        wait_until(lambda: door.metric("sallyport_downstream_shards", state="down") == 1, door.err)
        (line,) = wait_until(lambda: told(door, "has no connection over TLS"), door.err)
        assert "closed" in line and "does it take our certificate" in line


def test_a_server_that_has_answered_may_hang_up(tmp_path, notakey, authority, ours, fake):
    door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)])
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        fake.drop_connections()
        door.wait_metric(1, "sallyport_downstream_connections_lost_total")
        assert nas.ask(nas.pap("alice", "y")).code == wire.ACCESS_ACCEPT
    assert not told(door, "over TLS")


@pytest.mark.parametrize(("rules", "fits"), [
    ([f"dns:{NAME}"], True), (["dns:*.example.net"], True), ([f"cn:{NAME}"], True),
    (["dns:other.example.net"], False), (["dns:other.example.net", "dns:*.example.net"], True)])
def test_rules(tmp_path, notakey, authority, ours, fake, rules, fits):
    section = server_section("one", fake, authority, ours, certificate=rules, server_name=None)
    door = door_to(tmp_path, notakey, [section])
    if fits:
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    else:
        problem_with(door, fake, "wrong_name")


def test_the_address_is_the_name_unless_another_is_given(tmp_path, notakey, authority, ours):
    with TlsDownstream(accept, authority, authority.server) as server:  # for 127.0.0.1, localhost
        section = server_section("one", server, authority, ours, server_name=None)
        door = door_to(tmp_path, notakey, [section])
        problem_with(door, server, "wrong_name")
    address = loopback_address()
    right = authority.issue(NAME, f"IP:{address}", "serverAuth")
    with TlsDownstream(accept, authority, right, address=address) as server:
        section = server_section("one", server, authority, ours, server_name=None)
        door = door_to(tmp_path / "second", notakey, [section])
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT


# --- The configuration -----------------------------------------------------------------------

@pytest.mark.parametrize(("change", "complaint"), [
    ({"ca_file": None}, "downstream.server.ca_file"),
    ({"key_file": None}, "downstream.server.key_file"),
    ({"transport": "udp", "secret": "x" * 20}, "is of no use by UDP"),
    ({"accounting_port": 1813}, "over TLS one port is for all"),
    ({"require_message_authenticator": "yes"}, "TLS proves every packet"),
    ({"certificate": [f"dns:{NAME}"]}, "downstream.server.server_name"),
])
def test_what_cannot_be(tmp_path, notakey, authority, ours, fake, change, complaint):
    section = server_section("one", fake, authority, ours, **change)
    assert complaint in refused(tmp_path, notakey, [section])


def refused(folder, notakey, servers, **sections):
    door = Sallyport(folder, NOBODY, notakey, wait=False,
                     **{"downstream": {"address": None, "secret": None},
                        "downstream.server": servers, **sections})
    assert door.wait_exit() != 0
    return door.err()


def test_the_spool_delivers_by_udp(tmp_path, notakey, authority, ours, fake):
    section = server_section("one", fake, authority, ours)
    complaint = refused(tmp_path, notakey, [section],
                        accounting={"spool": str(tmp_path / "accounting.db")})
    assert "accounting.address" in complaint and "delivers by UDP" in complaint


# --- What docs/radsec.md tells ---------------------------------------------------------------

def test_the_example_of_the_guide(tmp_path, notakey, authority, ours, theirs, fake):
    """As it stands, but for addresses and the files' places."""
    address = loopback_address()
    first = authority.issue(NAME, f"IP:{address}", "serverAuth")
    second = authority.issue("one.radius.example.net", usage="serverAuth")
    with (TlsDownstream(accept, authority, first, address=address) as one,
          TlsDownstream(accept, authority, second) as two):
        door = door_to(tmp_path, notakey, [server_section("one", fake, authority, ours)])
        settings = door.settings
        door.stop()
        text = filled_in((ROOT / "docs/examples/radsec-downstream.toml").read_text(), {
            '"radius-1.example.net"': f'"{one.server[0]}:{one.server[1]}"',
            "198.51.100.2:2083": f"{two.server[0]}:{two.server[1]}",
            "federation-ca.pem": str(authority.ca_file),
            "proxy.pem": str(ours[0]),
            "proxy.key": str(ours[1]),
            "192.0.2.0/24": "127.0.0.0/8",
            "replace-me-with-32-random-characters": door.secret,
            "https://demo.notakey.com": notakey.host,
            "00000000-0000-0000-0000-000000000000": notakey.access_id,
        })
        for section in ("radius", "admin", "log"):
            text += f"\n[{section}]\n" + toml({section: settings[section]}).split("\n", 1)[1]
        door.config.write_text(text)
        door.start_again()
        door.wait_metric(2, "sallyport_downstream_connections", pool="federation")
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        one.stop()
        with door.nas() as nas:
            assert nas.ask(nas.pap("alice", "y")).code == wire.ACCESS_ACCEPT
        assert wire.ACCESS_REQUEST in two.kinds()
