"""What our programs are linked against. BoringSSL exports OpenSSL's names without versions: with
OpenSSL in the same process they capture each other's calls."""

import os
import subprocess

import pytest

BINARIES = [os.environ["SALLYPORT"], os.environ["SALLYPORT_LAB"]]


@pytest.mark.parametrize("binary", BINARIES, ids=os.path.basename)
def test_no_openssl_or_foreign_libcurl(binary):
    """Their symbols and BoringSSL's are one. GnuTLS, which libldap speaks TLS with, has its own."""
    result = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True)
    libraries = [line.split()[0] for line in result.stdout.splitlines() if line.strip()]
    assert libraries
    for library in libraries:
        assert not library.startswith(("libcrypto.so.3", "libssl.so.3", "libcurl"))
    assert "not found" not in result.stdout


def test_the_daemon_carries_nothing_of_the_lab():
    with open(os.environ["SALLYPORT"], "rb") as file:
        octets = file.read()
    assert b"sallyport-lab" not in octets
    assert b"simulate notakey" not in octets
