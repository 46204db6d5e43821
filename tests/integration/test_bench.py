"""The comparison in its shortest form: every system is started, really proxies, and is right;
the results have the shape that docs/benchmarking.md gives. The figures mean nothing."""

import contextlib
import json
import os
import pathlib
import subprocess

import pytest
from harness import process
from harness.sallyport import ROOT

SYSTEMS = {"sallyport", "radsecproxy", "freeradius", "relay"}
ROW_KEYS = {"name", "scenario", "value", "spread", "bound", "aim", "holds", "reaches_aim", "ours",
            "theirs", "unit", "value_unit"}


SCENARIOS = ("throughput", "latency", "duplicates", "clients", "curve", "verify", "pending",
             "memory", "shards")  # test_bench_http.py has the other one


def run(*words):
    """scripts/bench on the binaries under test: the variables SALLYPORT and SALLYPORT_LAB."""
    return subprocess.run([ROOT / "scripts/bench", "--build", ROOT / "build/release", *words],
                          capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    result = run("--tiny", "--only", *SCENARIOS, "--json", folder / "results.json", "--report",
                 folder / "report.html")
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads((folder / "results.json").read_text()), result.stdout, folder


def commands():
    """Command lines of all that runs."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_text(errors="replace")


def rounds(results, scenario):
    return [entry for entry in results["rounds"] if entry["scenario"] == scenario]


def test_results_have_the_documented_shape(compared):
    results, _, _ = compared
    assert results["schema"] == 1 and results["kind"] == "comparison"
    assert {"cpu", "cores", "kernel"} <= set(results["machine"])
    assert isinstance(results["limits"], list)
    for row in results["table"]:
        assert set(row) == ROW_KEYS
        assert row["bound"]["op"] in ("<=", ">=")


def test_every_row_of_the_speed_table_is_measured(compared):
    results, printed, _ = compared
    assert len(results["table"]) == 9
    # The latency that a proxy adds in a tenth of a second may be nothing, or less.
    unmeasured = [row["name"] for row in results["table"] if row["value"] is None]
    assert [name for name in unmeasured if not name.startswith("added p99")] == []
    for row in results["table"]:
        assert row["name"] in printed


def test_every_system_proxied_and_no_answer_was_wrong(compared):
    results, _, _ = compared
    saturated = rounds(results, "saturation")
    assert {entry["system"] for entry in saturated} == SYSTEMS
    for entry in saturated:
        assert entry["wrong"] == 0 and entry["lost"] == 0
        assert entry["answers"] == entry["rejects"] > 0
        assert entry["cpu_us_per_request"] > 0 and entry["rss_kb"] > 0


def test_duplicates_were_answered(compared):
    results, _, _ = compared
    (repeated,) = [entry for entry in rounds(results, "duplicates")
                   if entry["variant"] == "with duplicates"]
    assert repeated["duplicate_answers"] > repeated["requests"]


def test_the_report_holds_the_results(compared):
    _, _, folder = compared
    assert "CPU per proxied request" in (folder / "report.html").read_text()


def test_what_is_wrong_with_the_command_line_is_said():
    assert "SCENARIO" in run("--help").stdout
    unknown = run("--only", "speed")
    assert unknown.returncode == 2 and "'speed'" in unknown.stderr and "latency" in unknown.stderr
    assert "at least 1" in run("--rounds", "0").stderr


def test_binaries_that_are_not_there_are_named(tmp_path):
    environment = {name: value for name, value in os.environ.items() if "SALLYPORT" not in name}
    result = subprocess.run([ROOT / "scripts/bench", "--build", tmp_path, "--tiny"],
                            env=environment, capture_output=True, text=True, timeout=60,
                            check=False)
    assert result.returncode == 2
    assert f"{tmp_path}/sallyport" in result.stderr and "Traceback" not in result.stderr


def test_children_are_ended_when_it_is_interrupted(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    child = process.Process("bench", [ROOT / "scripts/bench", "--build", ROOT / "build/release",
                                      "--only", "throughput", "--json", tmp_path / "r.json"],
                            tmp_path, env=environment)
    child.wait_for(lambda: "saturation" in child.err() and "/s" in child.err(), "a first round",
                   patience_s=200)
    child.terminate_and_wait()
    assert [command for command in commands() if str(tmp_path) in command] == []
    assert list(tmp_path.glob("sallyport-bench-*")) == []
