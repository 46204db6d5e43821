"""`sallyport check` and the command line's exit codes: every mistake at once, nothing started."""

import pathlib
import re
import subprocess

import pytest
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, ROOT, client, toml

GOOD = {
    "radius": {"listen": ["127.0.0.1:18120"]},
    "client": [client()],
    "downstream": {"address": "127.0.0.1:1812", "secret": "downstream-secret-of-the-tests"},
    "notakey": {"host": "https://demo.notakey.com", "access_id": "an-access-id"},
}


def sallyport(*words, env=None):
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, timeout=20,
                          check=False, env=CLEAN_ENVIRONMENT | (env or {}))


def check(tmp_path, text):
    path = tmp_path / "sallyport.toml"
    path.write_text(text)
    result = sallyport("check", "--config", path)
    return result.returncode, result.stdout + result.stderr


def test_a_good_file(tmp_path):
    status, output = check(tmp_path, toml(GOOD))
    assert status == 0, output
    assert "good" in output


def test_nothing_is_started_by_check(tmp_path):
    """An address that cannot be bound here and a host that does not exist: not check's matter."""
    settings = GOOD | {"radius": {"listen": ["192.0.2.1:1812"]},
                       "notakey": {"host": "https://nowhere.invalid", "access_id": "x"}}
    assert check(tmp_path, toml(settings))[0] == 0


BAD = """\
[radius]
listen = ["127.0.0.1:99999"]
duplicate_windw = "10s"
duplicate_window = 10

[[client]]
name = "one"
addresses = ["192.0.2.0/33"]
secret = "a secret of the tests"

[[client]]
name = "two"
addresses = ["198.51.100.0/24"]

[[client]]
name = "three"
addresses = ["198.51.100.0/24"]
secret = "another secret of the tests"

[downstream]
address = "127.0.0.1:1812"
secret = "downstream-secret-of-the-tests"

[notakey]
host = "https://demo.notakey.com"
version = "v4"

[second_factor]
on_unavailable = "perhaps"
"""

# text of the line with the mistake → the key that is complained about
MISTAKES = {
    'listen = ["127.0.0.1:99999"]': "radius.listen",
    'duplicate_windw = "10s"': "duplicate_windw",
    "duplicate_window = 10": "radius.duplicate_window",
    'addresses = ["192.0.2.0/33"]': "client.addresses",
    'version = "v4"': "notakey.version",
    'on_unavailable = "perhaps"': "second_factor.on_unavailable",
}


def test_every_mistake_at_once_with_its_line(tmp_path):
    status, output = check(tmp_path, BAD)
    assert status == 1
    told = re.findall(r"^\S*sallyport\.toml:(\d+):\d+: ([\w.]+): ", output, re.MULTILINE)
    for text, key in MISTAKES.items():
        line = BAD.splitlines().index(text) + 1
        assert (str(line), key) in told or (str(line), f"radius.{key}") in told, (text, output)
    assert [int(line) for line, _ in told] == sorted(int(line) for line, _ in told)
    assert "access_id" in output, "a required key that is missing"
    assert "secret" in output, "a client without a secret"
    assert "three" in output and "two" in output, "a prefix given twice"
    assert output.count("Mend:") >= len(MISTAKES) + 2


def test_no_secret_in_what_check_says(tmp_path):
    _, output = check(tmp_path, BAD)
    for secret in ("a secret of the tests", "downstream-secret-of-the-tests"):
        assert secret not in output


def test_a_syntax_error_has_its_place(tmp_path):
    status, output = check(tmp_path, "[radius]\nlisten = [\n")
    assert status == 1
    assert re.search(r"sallyport\.toml:\d+:\d+:", output), output


def test_a_file_that_is_not_there(tmp_path):
    result = sallyport("check", "--config", tmp_path / "missing.toml")
    assert result.returncode == 1
    assert "missing.toml" in result.stderr + result.stdout


def test_run_refuses_the_same_mistakes_and_starts_nothing(tmp_path):
    path = tmp_path / "sallyport.toml"
    path.write_text(BAD)
    result = sallyport("run", "--config", path)
    assert result.returncode == 1
    assert "second_factor.on_unavailable" in result.stderr


def test_a_world_readable_secret_file_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("kept in a file of its own\n")
    settings = GOOD | {"client": [client(secret=None, secret_file=str(secret))]}
    secret.chmod(0o644)
    status, output = check(tmp_path, toml(settings))
    assert status == 1 and "chmod" in output
    secret.chmod(0o600)
    status, output = check(tmp_path, toml(settings))
    assert status == 0, output
    assert "kept in a file" not in output


def test_a_secret_from_the_environment(tmp_path):
    path = tmp_path / "sallyport.toml"
    path.write_text(toml(GOOD | {"client": [client(secret=None, secret_env="NAS_SECRET")]}))
    assert sallyport("check", "--config", path).returncode == 1
    result = sallyport("check", "--config", path, env={"NAS_SECRET": "from the environment"})
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("words, status", [
    (["--help"], 0),
    (["run", "--help"], 0),
    (["version"], 0),
    (["rum"], 2),
    (["run", "--confg", "x"], 2),
    (["check"], 2),
])
def test_exit_status_of_words(words, status):
    result = sallyport(*words)
    assert result.returncode == status, result.stdout + result.stderr
    assert result.stdout if status == 0 else result.stderr


def test_run_with_nothing_explains_both_ways():
    result = sallyport("run")
    assert result.returncode == 2
    assert "--config" in result.stderr and "NOTAKEY_HOST" in result.stderr


def test_the_reference_is_what_the_program_prints():
    result = sallyport("config", "--markdown")
    assert result.returncode == 0
    assert result.stdout == (ROOT / "docs/configuration.md").read_text()


# Those with certificates: tests/engine/config/http_documents_test.cc makes the files they name.
EXAMPLES = sorted(path for path in pathlib.Path(ROOT, "docs/examples").glob("*.toml")
                  if "\nkey_file = " not in path.read_text())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_every_example_of_the_docs_is_good(example):
    names = re.findall(r'_env = "(\w+)"', example.read_text())
    result = sallyport("check", "--config", example,
                       env={name: "a secret for the example" for name in names})
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_http_door_alone(tmp_path):
    status, output = check(tmp_path, '[[http.listener]]\nlisten = ["127.0.0.1:8080"]\n')
    assert status == 0, output
    assert "HTTP on 127.0.0.1:8080" in output


def test_a_port_in_use_is_one_clear_line(tmp_path, door):
    """Start-up failure: exit status 3, and a line that says which address and what to do."""
    settings = dict(door.settings) | {"admin": {}}
    settings["radius"] = {"listen": ["127.0.0.1:1"]}
    settings["admin"] = {"listen": f"{door.admin[0]}:{door.admin[1]}"}
    path = tmp_path / "second.toml"
    path.write_text(toml(settings))
    result = sallyport("run", "--config", path)
    assert result.returncode == 3
    assert f"{door.admin[0]}:{door.admin[1]}" in result.stderr or "127.0.0.1:1" in result.stderr
