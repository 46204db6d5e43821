"""sallyport-lab bench verify: tiny runs, so that the measurements never rot."""

import json
import subprocess

import pytest
from harness.notakey import LAB


def bench_verify(*arguments):
    command = [str(word) for word in (LAB, "bench", "verify", *arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def measure(tmp_path, *arguments):
    result = tmp_path / "result.json"
    done = bench_verify(*arguments, "--json", result)
    assert done.returncode == 0, done.stderr
    return json.loads(result.read_text())


@pytest.mark.parametrize("mode", ["interval", "held"])
def test_pending(tmp_path, mode):
    result = measure(tmp_path, "pending", "--pending", "300", "--mode", mode, "--steady", "300ms")
    assert (result["schema"], result["kind"]) == (1, "verify-pending")
    assert (result["pending"], result["mode"]) == (300, mode)
    assert result["rss_bytes_per_pending"] > 0
    assert result["baseline_rss"] > 1_000_000
    assert result["cpu_us_per_pending_second"] >= 0


def test_transfers_of_both(tmp_path):
    result = measure(
        tmp_path, "transfers", "--verifications", "200", "--concurrency", "20", "--rounds", "2"
    )
    assert (result["schema"], result["kind"]) == (1, "verify-transfers")
    assert [each["system"] for each in result["rounds"]] == ["pool", "bare"] * 2
    assert all(each["cpu_us_per_transfer"] > 0 for each in result["rounds"])
    assert result["ratio"] > 0


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "missing" / "result.json"
    done = bench_verify("transfers", "--pool", "--verifications", "10", "--rounds", "1",
                        "--json", file)
    assert done.returncode == 1
    assert str(file) in done.stderr
