"""TLS at the HTTP door as Python, openssl and curl see it: versions and suites, which certificate
is shown to whom, ALPN, and sessions that are resumed."""

import pathlib
import re
import socket
import ssl
import subprocess

import pytest
from harness.net import PATIENCE_S
from harness.sallyport import toml
from http_lab import Authority, HttpDoor, Raw, curl, listener, route, sanitized

UP = route(respond=200, respond_body="up\n")
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def certificates(*pairs):
    return toml({"http.certificate": [{"certificate_file": str(certificate), "key_file": str(key)}
                                      for certificate, key in pairs]})


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pairs(authority):
    return {
        "first": authority.certificate("first.example.net", file="first"),
        "rsa": authority.certificate("www.example.net", "both.example.net", file="rsa", rsa=True),
        "ecdsa": authority.certificate("www.example.net", file="ecdsa"),
        "wildcard": authority.certificate("*.example.net", file="wildcard"),
        "org": authority.certificate("example.org", "*.example.org", file="org"),
    }


@pytest.fixture(scope="module")
def door(tmp_path_factory, pairs):
    """Two shards; one listener with HTTP/2, one without."""
    door = HttpDoor(tmp_path_factory.mktemp("door"),
                    listener(tls=True) + listener(tls=True, http2=False) +
                    certificates(*pairs.values()) + UP, shards=2)
    yield door
    assert door.running()
    door.stop()


def context(authority, lowest=TLS_1_2, highest=TLS_1_3, alpn=None):
    made = ssl.create_default_context(cafile=str(authority.ca_file))
    made.minimum_version, made.maximum_version = lowest, highest
    if alpn is not None:
        made.set_alpn_protocols(alpn)
    return made


def any_name(made):
    made.check_hostname = False
    return made


def up(visitor):
    return visitor.get().answer().text == "up\n"


def s_client(door, *options, name="www.example.net"):
    """What `openssl s_client` tells of a handshake."""
    host, port = door.address
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", *options]
        + (["-servername", name] if name else ["-noservername"]),
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE_S)
    return (done.stdout + done.stderr).decode(errors="replace")


def shown_to_openssl(door, pairs, *options, name="www.example.net"):
    """Which of `pairs` s_client is shown."""
    told = s_client(door, *options, name=name)
    return [key for key, (file, _) in pairs.items() if pathlib.Path(file).read_text() in told]


def shown(door, pairs, name, made):
    with door.raw(tls=any_name(made), server_name=name) as visitor:
        leaf = visitor.socket.getpeercert(binary_form=True)
    (found,) = [key for key, (file, _) in pairs.items()
                if ssl.PEM_cert_to_DER_cert(pathlib.Path(file).read_text()) == leaf]
    return found


# --- Versions and suites ---------------------------------------------------------------------


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_versions(door, authority, version):
    with door.raw(tls=context(authority, version, version)) as visitor:
        assert visitor.socket.version() == {TLS_1_2: "TLSv1.2", TLS_1_3: "TLSv1.3"}[version]
        assert up(visitor)
        assert up(visitor)


@pytest.mark.parametrize("options, alert", [
    # What s_client itself would not do any more is allowed to it, so that the door refuses.
    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "alert protocol version"),
    (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], "alert protocol version"),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA"],
     "alert handshake failure"),  # CBC
    (["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "alert handshake failure"),  # RSA key exchange
    (["-tls1_2", "-sigalgs", "RSA+SHA1:ECDSA+SHA1", "-cipher", "ALL:@SECLEVEL=0"],
     "alert handshake failure"),
], ids=["1.1", "1.0", "CBC", "RSA key exchange", "SHA-1"])
def test_what_is_off(door, options, alert):
    told = s_client(door, *options)
    assert alert in told, told
    assert "Cipher is (NONE)" in told


@pytest.mark.parametrize("suite, version", [
    ("TLS_AES_128_GCM_SHA256", "-tls1_3"), ("TLS_AES_256_GCM_SHA384", "-tls1_3"),
    ("TLS_CHACHA20_POLY1305_SHA256", "-tls1_3"),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "-tls1_2"), ("ECDHE-ECDSA-AES256-GCM-SHA384", "-tls1_2"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "-tls1_2"), ("ECDHE-RSA-AES128-GCM-SHA256", "-tls1_2"),
    ("ECDHE-RSA-AES256-GCM-SHA384", "-tls1_2"), ("ECDHE-RSA-CHACHA20-POLY1305", "-tls1_2"),
])
def test_suites(door, suite, version):
    which = "-ciphersuites" if version == "-tls1_3" else "-cipher"
    told = s_client(door, version, which, suite)
    assert f"Cipher is {suite}" in told, told
    assert "Secure Renegotiation IS supported" in told or version == "-tls1_3"
    assert "Compression: NONE" in told


def test_a_renegotiation_is_not_taken_part_in(door):
    host, port = door.address
    asked = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_2"],
        input=b"R\n", capture_output=True, check=False, timeout=PATIENCE_S)
    told = (asked.stdout + asked.stderr).decode(errors="replace")
    assert "RENEGOTIATING" in told
    assert "alert no renegotiation" in told or "no renegotiation" in told.lower(), told


def test_chacha20_for_whoever_puts_it_first(door):
    told = s_client(door, "-tls1_2", "-cipher",
                    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256")
    assert "Cipher is ECDHE-ECDSA-CHACHA20-POLY1305" in told, told


# --- Which certificate -----------------------------------------------------------------------


@pytest.mark.parametrize("name, expected", [
    ("first.example.net", "first"),
    ("FIRST.Example.net", "first"),  # names have no case
    ("www.example.net", "ecdsa"),  # an exact name before a wildcard, ECDSA before RSA
    ("both.example.net", "rsa"),
    ("other.example.net", "wildcard"),
    ("a.b.example.net", "first"),  # a wildcard is for one label
    ("example.net", "first"),
    ("example.org", "org"),
    ("x.example.org", "org"),
    ("unknown.example.com", "first"),
    (None, "first"),
])
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_the_name_chooses(door, pairs, authority, version, name, expected):
    assert shown(door, pairs, name, context(authority, version, version)) == expected


@pytest.mark.parametrize("options", [
    ["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"],
    ["-tls1_2", "-sigalgs", "rsa_pkcs1_sha256"],
    ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
], ids=["1.3 signatures", "1.2 signatures", "1.2 suites"])
def test_rsa_for_who_cannot_check_ecdsa(door, pairs, options):
    assert shown_to_openssl(door, pairs, *options) == ["rsa"]


def test_ecdsa_for_who_can_check_both(door, pairs):
    both = ["-sigalgs", "rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256"]
    assert shown_to_openssl(door, pairs, "-tls1_3", *both) == ["ecdsa"]


def test_no_certificate_that_he_could_check(door):
    told = s_client(door, "-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256", name="example.org")
    assert "alert handshake failure" in told, told


def test_curl_trusts_it(door, authority):
    _, port = door.address
    answer = curl(f"https://www.example.net:{port}/", "--cacert", authority.ca_file,
                  "--connect-to", f"::127.0.0.1:{port}")
    assert (answer.status, answer.version, answer.text) == (200, "2", "up\n")


# --- ALPN ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number, offered, chosen", [
    (0, ["h2", "http/1.1"], "h2"),
    (0, ["http/1.1", "h2"], "h2"),  # ours counts
    (0, ["http/1.1"], "http/1.1"),
    (0, ["spdy/3", "http/1.1"], "http/1.1"),
    (0, None, None),
    (1, ["h2", "http/1.1"], "http/1.1"),
    (1, None, None),
])
def test_alpn(door, authority, number, offered, chosen):
    with door.raw(number, tls=context(authority, alpn=offered)) as visitor:
        assert visitor.socket.selected_alpn_protocol() == chosen
        if chosen != "h2":
            assert up(visitor)


@pytest.mark.parametrize("number, offered", [(0, ["spdy/3"]), (0, ["http/1.0"]), (1, ["h2"])])
def test_nothing_in_common(door, authority, number, offered):
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        door.raw(number, tls=context(authority, alpn=offered))


# --- What is no handshake --------------------------------------------------------------------


def test_plain_http_on_a_tls_port(door):
    with door.raw() as visitor:
        visitor.get()
        assert b"HTTP" not in visitor.rest()


def test_octet_by_octet(door, authority):
    """No bound of a record or a buffer may be where the network cuts."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context(authority).wrap_bio(incoming, outgoing, server_hostname="www.example.net")
    with door.raw() as visitor:
        def drive(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    for octet in outgoing.read():
                        visitor.send(bytes([octet]))
                    assert visitor.more()
                    incoming.write(visitor.exactly(len(visitor.kept)))

        drive(session.do_handshake)
        session.write(b"GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n")
        received = b""
        while not received.endswith(b"up\n"):
            received += drive(lambda: session.read(4096))
    assert received.startswith(b"HTTP/1.1 200 ")


def test_a_handshake_has_an_end(tmp_path, pairs):
    door = HttpDoor(tmp_path, toml({"http": {"tls_handshake_timeout": "200ms"}}) +
                    listener(tls=True) + certificates(pairs["first"]) + UP)
    with door.raw() as silent, door.raw() as halfway:
        halfway.send(b"\x16\x03\x01\x02\x00\x01")
        for visitor in (silent, halfway):
            visitor.socket.settimeout(PATIENCE_S / 4)  # less than the default of 10 s
        assert silent.ends()
        assert halfway.ends()


def test_an_end_is_told(door, authority):
    """close_notify: without it a visitor cannot tell an end from a cut (RFC 8446 §6.1)."""
    with door.raw(tls=context(authority)) as visitor:
        assert visitor.get("/", "Connection: close").answer().text == "up\n"
        visitor.socket.suppress_ragged_eofs = False
        assert visitor.socket.recv(1) == b""


# --- Sessions --------------------------------------------------------------------------------


def resumes(door, made, session, number=0, name="www.example.net"):
    """(whether the session was taken up, the one for the next time)"""
    raw = socket.create_connection(door.addresses[number], PATIENCE_S)
    visitor = Raw.__new__(Raw)
    visitor.kept = b""
    visitor.socket = made.wrap_socket(raw, server_hostname=name, session=session)
    with visitor:
        assert up(visitor)  # tickets of TLS 1.3 come with what is read
        return visitor.socket.session_reused, visitor.socket.session


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_sessions_are_resumed_at_every_shard_and_listener(door, authority, version):
    """The kernel chooses the shard by the source port: of 24 connections some come to the other."""
    made = context(authority, version, version)
    reused, session = resumes(door, made, None)
    assert not reused
    for n in range(24):
        reused, session = resumes(door, made, session, number=n % 2)
        assert reused, n


def test_a_session_outlives_a_reload_but_not_a_restart(tmp_path, pairs, authority):
    text = listener(tls=True) + certificates(pairs["ecdsa"]) + UP
    door = HttpDoor(tmp_path, text)
    made = context(authority)
    _, session = resumes(door, made, None)
    door.reload(listener(tls=True) + certificates(pairs["rsa"]) + UP)
    reused, session = resumes(door, made, session)
    assert reused
    assert door.terminate_and_wait() == 0
    reused, _ = resumes(HttpDoor(tmp_path, text), made, session)
    assert not reused


# From Debian's package faketime.
FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def key_name(door):
    """Of the key that tickets are sealed with: the front of a ticket, as s_client dumps it."""
    return re.search(r"TLS session ticket:\s+0000 - (.*?)   ", s_client(door, "-tls1_2")).group(1)


@pytest.mark.skipif(FAKETIME is None, reason="needs libfaketime, from Debian's package faketime")
def test_keys_of_tickets_are_rotated(tmp_path, pairs, authority):
    """A key takes over after 4 hours, and those before it still open tickets: for 8 hours, then a
    ticket is too old, and its key is forgotten."""
    if sanitized():
        pytest.skip("AddressSanitizer must be the first library, and so must libfaketime")
    clock = tmp_path / "clock"
    clock.write_text("+0")
    door = HttpDoor(tmp_path, listener(tls=True) + certificates(pairs["ecdsa"]) + UP, shards=2,
                    env={"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock),
                         "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                         "NO_FAKE_STAT": "1"})
    made = context(authority)
    keys = [key_name(door)]
    assert key_name(door) == keys[0]
    _, old = resumes(door, made, None)
    for hours in (4.1, 7.9, 12.3):
        assert resumes(door, made, old)[0]
        clock.write_text(f"+{int(hours * 3600)}")
        if hours != 7.9:
            door.wait_for(lambda: key_name(door) not in keys, "a new key")
            keys.append(key_name(door))
    assert not resumes(door, made, old)[0]
    _, fresh = resumes(door, made, None)
    assert resumes(door, made, fresh)[0]
