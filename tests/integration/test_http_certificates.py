"""Certificates while the HTTP door runs: read again when they change, kept when the new ones are
no good, stapled OCSP answers, and the challenges of ACME."""

import os
import pathlib
import re
import shlex
import signal
import ssl
import subprocess

import pytest
from harness.net import PATIENCE_S
from harness.sallyport import ROOT, toml
from http_lab import Authority, HttpDoor, curl, listener, route

NAME = "www.example.net"
UP = route(respond=200, respond_body="up\n")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def old(authority):
    return authority.certificate(NAME, file="old")


@pytest.fixture(scope="module")
def new(authority):
    return authority.certificate(NAME, file="new")


class Site:
    """A door with one certificate of these files, which change under it."""

    def __init__(self, folder, pair, http=None, text=UP, **more):
        self.certificate, self.key = folder / "fullchain.pem", folder / "privkey.pem"
        self.write(pair)
        self.door = HttpDoor(
            folder / "door", toml({"http": http or {}}) + listener(tls=True) + listener() +
            toml({"http.certificate": [{"certificate_file": str(self.certificate),
                                        "key_file": str(self.key), **more}]}) + text)

    def write(self, pair):
        """In place: for a moment nothing fits together."""
        for from_, to in zip(pair, (self.certificate, self.key)):
            to.write_bytes(pathlib.Path(from_).read_bytes())
            to.chmod(0o600)

    def rename(self, pair):
        """As it should be done: written beside, then renamed into place."""
        for from_, to in zip(pair, (self.certificate, self.key)):
            replace(to, pathlib.Path(from_).read_bytes())

    def shows(self, pair, authority):
        with self.door.raw(tls=authority.context()) as visitor:
            leaf = visitor.socket.getpeercert(binary_form=True)
            assert visitor.get().answer().text == "up\n"
        return leaf == ssl.PEM_cert_to_DER_cert(pathlib.Path(pair[0]).read_text())

    def wait_shows(self, pair, authority):
        self.door.wait_for(lambda: self.shows(pair, authority), "the other certificate")


def replace(path, octets):
    beside = path.with_suffix(".new")
    beside.write_bytes(octets)
    beside.chmod(0o600)
    os.replace(beside, path)


@pytest.mark.parametrize("how", ["rename", "write"])
def test_new_files_are_taken_without_a_signal(tmp_path, authority, old, new, how):
    site = Site(tmp_path, old)
    with site.door.raw(tls=authority.context()) as before:
        assert before.get().answer().text == "up\n"
        assert site.shows(old, authority)
        getattr(site, how)(new)
        site.wait_shows(new, authority)
        # Whoever is connected stays.
        assert before.get().answer().text == "up\n"


def test_a_link_that_points_elsewhere(tmp_path, authority, old, new):
    """certbot's live/ holds links into archive/, and a renewal changes the links."""
    for name, pair in (("1", old), ("2", new)):
        for part, file in zip(("fullchain", "privkey"), pair):
            (tmp_path / f"{part}{name}.pem").write_bytes(pathlib.Path(file).read_bytes())
            (tmp_path / f"{part}{name}.pem").chmod(0o600)
    live = {part: tmp_path / f"{part}.pem" for part in ("fullchain", "privkey")}
    for part, link in live.items():
        link.symlink_to(f"{part}1.pem")
    site = Site.__new__(Site)
    site.door = HttpDoor(tmp_path / "door", listener(tls=True) + UP + toml({"http.certificate": [
        {"certificate_file": str(live["fullchain"]), "key_file": str(live["privkey"])}]}))
    assert site.shows(old, authority)
    for part, link in live.items():
        link.unlink()
        link.symlink_to(f"{part}2.pem")
    site.wait_shows(new, authority)


@pytest.mark.parametrize("breaks, told", [
    (lambda site, new: replace(site.certificate, b"no PEM at all"), "no certificate in it"),
    (lambda site, new: replace(site.key, b""), "no private key in it"),
    (lambda site, new: replace(site.key, new[1].read_bytes()), "not the key of"),
    (lambda site, new: site.certificate.unlink(), "cannot be read"),
], ids=["certificate", "key", "pair", "gone"])
def test_what_is_no_good_is_told_and_the_old_ones_stay(tmp_path, authority, old, new, breaks, told):
    site = Site(tmp_path, old)
    breaks(site, new)
    site.door.wait_log(told)
    (line,) = [line for line in site.door.log_lines() if told in line["message"]]
    assert line["level"] == "error"
    assert str(tmp_path) in line["message"]
    assert "what runs stays as it is" in line["message"]
    assert site.shows(old, authority)
    # SIGHUP does no harm either.
    site.door.signal(signal.SIGHUP)
    site.door.wait_log("refused, the old configuration stays")
    assert site.shows(old, authority)
    site.rename(new)
    site.wait_shows(new, authority)


# --- OCSP ------------------------------------------------------------------------------------


def ocsp_answer(authority, pair, folder):
    """What the authority says of a certificate, in DER."""
    def openssl(*words):
        return subprocess.run(["openssl", *map(str, words)], cwd=folder, check=True,
                              capture_output=True).stdout.decode()

    serial = openssl("x509", "-in", pair[0], "-noout", "-serial").strip().partition("=")[2]
    (folder / "index").write_text(f"V\t400101000000Z\t\t{serial}\tunknown\t/CN={NAME}\n")
    ca = authority.folder
    openssl("ocsp", "-issuer", ca / "ca.pem", "-cert", pair[0], "-reqout", "request")
    openssl("ocsp", "-index", "index", "-rsigner", ca / "ca.pem", "-rkey", ca / "ca.key", "-CA",
            ca / "ca.pem", "-reqin", "request", "-respout", "answer", "-ndays", "1")
    return (folder / "answer").read_bytes()


def s_client(door, *options):
    host, port = door.address
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", *map(str, options)],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE_S)
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_an_ocsp_answer_is_stapled_once_it_is_there(tmp_path, authority, old, version):
    staple = tmp_path / "ocsp.der"
    site = Site(tmp_path, old, ocsp_file=str(staple))
    door = site.door
    door.wait_log("Nothing is stapled until it can")

    def told():
        return s_client(door, "-servername", NAME, "-status", version, "-CAfile", authority.ca_file)

    assert "OCSP response: no response sent" in told()
    replace(staple, ocsp_answer(authority, old, tmp_path))
    door.wait_for(lambda: "OCSP Response Status: successful (0x0)" in told(), "the staple")
    assert "Cert Status: good" in told()
    # Who does not ask gets none (RFC 6066 §8).
    assert "OCSP" not in s_client(door, "-servername", NAME, version)
    replace(staple, b"<html>404</html>")
    door.wait_log("no OCSP response in DER")
    door.wait_for(lambda: "OCSP response: no response sent" in told(), "no staple")


# --- ACME ------------------------------------------------------------------------------------

TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
CHALLENGE = f"/.well-known/acme-challenge/{TOKEN}"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "acme"
    made.mkdir()
    return made


@pytest.fixture
def site(tmp_path, folder, old):
    """Nobody gets in here but who answers a challenge."""
    return Site(tmp_path, old, {"acme_challenge_folder": str(folder)},
                route(policy="deny", respond=200, hosts=["elsewhere.example.net"]))


@pytest.mark.parametrize("scheme, number", [("https", 0), ("http", 1)])
def test_http_01_on_every_listener(site, folder, scheme, number):
    (folder / TOKEN).write_text(f"{TOKEN}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI")
    for host in (NAME, "elsewhere.example.net"):
        answer = site.door.curl(CHALLENGE, "--insecure", "-H", f"Host: {host}", scheme=scheme,
                                listener=number)
        assert answer.status == 200
        assert answer.text == f"{TOKEN}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"


@pytest.mark.parametrize("rest", [
    "", "unknown", f"{TOKEN}/", f"./{TOKEN}x", "..%2Fsecret", "%2e%2e/secret", f"{TOKEN}%00",
    "www.example.net.pem", "A" * 129,
])
def test_nothing_else_of_the_folder_or_beside_it(site, folder, rest):
    (folder / TOKEN).write_text("answer")
    (folder / "www.example.net.pem").write_text("a key")
    (folder.parent / "secret").write_text("secret")
    (folder / ("A" * 129)).write_text("too long for a token")
    answer = site.door.curl(f"/.well-known/acme-challenge/{rest}", "-H", f"Host: {NAME}",
                            listener=1)
    assert answer.status in (400, 404, 421), answer
    assert not {"answer", "a key", "secret"} & set(answer.text.split("\n"))


def test_tls_alpn_01(site, folder, authority, new):
    def told(*options, name=NAME):
        return s_client(site.door, "-servername", name, "-alpn", *options)

    # No challenge is under way.
    assert "Cipher is (NONE)" in told("acme-tls/1")
    challenge = b"".join(pathlib.Path(file).read_bytes() for file in new)
    replace(folder / f"{NAME}.pem", challenge)
    for version in ("-tls1_2", "-tls1_3"):
        asked = told("acme-tls/1", version)
        assert "ALPN protocol: acme-tls/1" in asked
        assert pathlib.Path(new[0]).read_text() in asked
    assert pathlib.Path(new[0]).read_text() in told("acme-tls/1", name=NAME.upper())
    # Another name, a name that would lead elsewhere, and a visitor who offers more than that.
    assert "Cipher is (NONE)" in told("acme-tls/1", name="other.example.net")
    replace(folder.parent / "up.pem", challenge)
    assert "Cipher is (NONE)" in told("acme-tls/1", name="../up")
    assert pathlib.Path(new[0]).read_text() not in told("acme-tls/1,http/1.1")
    # Ordinary visitors never see it.
    with site.door.raw(tls=authority.context()) as visitor:
        assert visitor.get("/").answer().status == 421
    (folder / f"{NAME}.pem").unlink()
    assert "Cipher is (NONE)" in told("acme-tls/1")


def test_after_tls_alpn_01_the_connection_is_closed(site, folder, new):
    replace(folder / f"{NAME}.pem", b"".join(pathlib.Path(f).read_bytes() for f in new))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1"])
    with site.door.raw(tls=context) as visitor:
        assert visitor.socket.selected_alpn_protocol() == "acme-tls/1"
        visitor.get()
        assert b"HTTP" not in visitor.rest()


# --- What docs/http.md tells -----------------------------------------------------------------


def test_the_first_certificate_of_the_guide(tmp_path):
    """The command as it stands there, and a door with what it made."""
    guide = (ROOT / "docs/http.md").read_text()
    command = re.search(r"^    (openssl req -x509 .*\\\n.*)$", guide, re.MULTILINE).group(1)
    subprocess.run(shlex.split(command.replace("\\\n", " ")), cwd=tmp_path, check=True,
                   capture_output=True)
    door = HttpDoor(tmp_path / "door", listener(tls=True) + UP + toml({"http.certificate": [
        {"certificate_file": str(tmp_path / "fullchain.pem"),
         "key_file": str(tmp_path / "privkey.pem")}]}))
    _, port = door.address
    answer = curl(f"https://{NAME}:{port}/", "--cacert", tmp_path / "fullchain.pem",
                  "--connect-to", f"::127.0.0.1:{port}")
    assert answer.text == "up\n"
