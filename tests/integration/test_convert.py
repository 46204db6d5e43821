"""`sallyport convert doorman`: doorman's JSON becomes a file that check accepts."""

import json
import stat
import subprocess

from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, ROOT

FILES = ROOT / "tests" / "engine" / "config" / "doorman"
ENVIRONMENT = CLEAN_ENVIRONMENT | {"BOBS_MAIL": "bob@example.net", "LDAP_HOST": "ldap.example.net",
                                   "LDAP_PASSWORD": "of the real directory", "SMS_KEY": "k"}


def sallyport(*words, cwd=None):
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, timeout=20,
                          check=False, env=ENVIRONMENT, cwd=cwd)


def test_the_new_file_is_its_owners_alone_and_good(tmp_path):
    (tmp_path / "users.json").write_text("[]")
    new = tmp_path / "sallyport.toml"
    result = sallyport("convert", "doorman", FILES / "token.json", "-o", new)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert "not converted: cookie_hash: " in result.stderr
    assert "of the mail server" in new.read_text()
    assert "of the mail server" not in result.stderr
    checked = sallyport("check", "--config", new)
    assert checked.returncode == 0, checked.stderr
    again = sallyport("convert", "doorman", FILES / "token.json", "-o", new)
    assert again.returncode == 1 and "as a new file" in again.stderr


def test_without_o_it_is_printed(tmp_path):
    result = sallyport("convert", "doorman", FILES / "otp_redis.json")
    assert result.returncode == 0, result.stderr
    assert 'factors = ["otp"]' in result.stdout
    new = tmp_path / "sallyport.toml"
    new.write_text(result.stdout)
    assert sallyport("check", "--config", new).returncode == 0


def test_broken_json_is_told_with_its_place(tmp_path):
    broken = tmp_path / "caddy.json"
    broken.write_text('{\n  "issuer": "x",\n  "users": [1, 2\n}\n')
    result = sallyport("convert", "doorman", broken)
    assert result.returncode == 1
    assert f"{broken}:4:" in result.stderr
    assert result.stdout == ""


def test_wrong_words_end_with_two(tmp_path):
    for words in (["convert"], ["convert", "doorman"], ["convert", "caddyfile", "x"]):
        result = sallyport(*words)
        assert result.returncode == 2, words
        assert "sallyport convert doorman FILE" in result.stderr


def test_a_caddy_file_names_everything_it_cannot_take(tmp_path):
    (tmp_path / "caddy.json").write_text(json.dumps(
        {"apps": {"layer4": {}, "doorman": {"issuer_base": "https://d.example.net", "mood": 1}}}))
    result = sallyport("convert", "doorman", tmp_path / "caddy.json")
    assert result.returncode == 0
    for path in ("apps.layer4", "apps.doorman.mood", "apps.doorman.users", "apps.http.servers"):
        assert f"not converted: {path}: " in result.stderr
        assert f"# not converted: {path}: " in result.stdout
