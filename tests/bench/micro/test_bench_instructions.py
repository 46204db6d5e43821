"""scripts/bench-instructions: what it reads of callgrind's dumps, and when it complains."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "scripts/bench-instructions"


@pytest.fixture(scope="module", name="script")
def load_script():
    loader = importlib.machinery.SourceFileLoader("bench_instructions", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_a_dump_names_its_function_and_its_instructions(script):
    text = ("version: 1\ncmd: ./micro_benchmarks\npart: 3\n\n"
            "desc: Trigger: Client Request: radius/parse/pap\n\nevents: Ir\n\n"
            "fn=(1)\n10 100\n\ntotals: 51200\n")
    assert script.dump_of(text) == ("radius/parse/pap", 51_200)


def test_the_dump_at_the_end_is_nobodys(script):
    assert script.dump_of("desc: Trigger: Program termination\nevents: Ir\ntotals: 12\n") is None


def test_growth_beyond_the_tolerance_is_named_with_both_counts(script):
    grown, other = script.compare({"door/x": 1_000.0, "door/y": 1_000.0},
                                  {"door/x": 1_051.0, "door/y": 1_049.0})
    assert grown == ["GROWN door/x: 1,000.0 -> 1,051.0 instructions (+5.1%)"]
    assert other == []


def test_what_shrank_came_or_went_is_said_but_no_fault(script):
    grown, other = script.compare({"shrunk": 1_000.0, "gone": 7.0}, {"shrunk": 900.0, "new": 5.0})
    assert grown == []
    assert [line.split(":")[0] for line in other] == ["shrunk shrunk", "new", "gone"]


FAKE_VALGRIND = """#!/bin/sh
echo 'counted_with GNU 12.2.0'
echo 'calls 10'
printf 'desc: Trigger: Client Request: door/x\\n\\ntotals: 1100\\n' > dump.1
"""


@pytest.mark.parametrize("baseline, status, says", [
    ('{"counted_with": "GNU 12.2.0", "instructions": {"door/x": 109.0}}', 0, "0 have grown"),
    ('{"counted_with": "GNU 12.2.0", "instructions": {"door/x": 100.0}}', 1, "GROWN door/x"),
    ('{"counted_with": "GNU 13.1.0", "instructions": {"door/x": 100.0}}', 77,
     "skipped: the baseline"),
])
def test_the_exit_status_tells(tmp_path, baseline, status, says):
    result = run(tmp_path, baseline)
    assert result.returncode == status, result.stdout + result.stderr
    assert says in result.stdout


def test_update_writes_what_the_next_run_accepts(tmp_path):
    old = '{"counted_with": "GNU 11", "instructions": {"door/x": 1.0}}'
    assert run(tmp_path, old, "--update").returncode == 0
    again = run(tmp_path, (tmp_path / "baseline.json").read_text())
    assert again.returncode == 0 and "1 functions counted" in again.stdout


def run(folder, baseline, *options):
    """The script with a valgrind of ours first in the path."""
    (folder / "valgrind").write_text(FAKE_VALGRIND)
    (folder / "valgrind").chmod(0o755)
    (folder / "baseline.json").write_text(baseline)
    return subprocess.run(
        [sys.executable, "-B", SCRIPT, "--binary", "micro_benchmarks",
         "--baseline", folder / "baseline.json", *options],
        env={"PATH": f"{folder}:/usr/bin:/bin"}, capture_output=True, text=True, check=False)
