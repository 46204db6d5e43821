"""`scripts/bench`: the command line."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import pathlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence

from . import bench as plans, machine, results, scenarios, table
from .bench import Bench, Plan
from .load import WrongAnswer
from .processes import ChildFailed, Children
from .progress import Progress

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_EPILOG = """\
Exit status: 0 when every "at least" of the speed table that was asked for holds, 1 when one does
not or was not measured, 2 when something failed. A wrong answer of any system is a failure."""


def arguments(words: Sequence[str]) -> argparse.Namespace:
    names = [scenario.name for scenario in scenarios.ALL]
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="sallyport beside its peers, measured in one run.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true",
                      help="two minutes; the speed table without its rows about HTTP and the "
                           "gate, which --quick --only http gate measures")
    size.add_argument("--tiny", action="store_true",
                      help="half a minute; shows that all works, measures nothing, holds nothing")
    parser.add_argument("--only", nargs="+", choices=names, metavar="SCENARIO",
                        help="some of: " + ", ".join(names))
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each scenario")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        default=_ROOT / "build/bench/results.json", help="default: %(default)s")
    parser.add_argument("--report", type=pathlib.Path, metavar="FILE",
                        default=_ROOT / "build/bench/report.html", help="default: %(default)s")
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR",
                        default=_ROOT / "build/release",
                        help="build folder of the binaries; default: %(default)s")
    parser.add_argument("--nice", type=int, metavar="N", default=0, choices=range(-20, 20),
                        help="priority of all that is measured; below 0, as root, other programs "
                             "of a busy machine disturb less")
    parser.add_argument("--keep", action="store_true",
                        help="keep configurations and logs, and say where")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    given = parser.parse_args(words)
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds: at least 1")
    return given


def plan_of(given: argparse.Namespace) -> Plan:
    plan = plans.TINY if given.tiny else plans.QUICK if given.quick else plans.FULL
    if given.rounds:
        plan = dataclasses.replace(plan, rounds=given.rounds, latency_rounds=given.rounds,
                                   paired_rounds=given.rounds)
    return plan


def chosen(given: argparse.Namespace) -> list[scenarios.Scenario]:
    left_out = scenarios.NOT_QUICK if given.quick else ()
    return [scenario for scenario in scenarios.ALL
            if (scenario.name in given.only if given.only else scenario.name not in left_out)]


@contextlib.contextmanager
def work_folder(keep: bool) -> Iterator[pathlib.Path]:
    """For configurations and logs. They hold secrets of the run: nobody else may read them."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-bench-"))
    try:
        yield folder
    finally:
        if keep:
            print(f"logs and configurations: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def judged(rows: Sequence[table.Row], ran: Sequence[scenarios.Scenario]) -> list[table.Row]:
    """The rows whose scenarios were asked for."""
    names = {scenario.name for scenario in ran}
    return [row for row in rows if table.SCENARIO_OF[row.scenario] in names]


def compare(bench: Bench, given: argparse.Namespace) -> int:
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    ran = chosen(given)
    before = machine.Usage.now()
    stage = scenarios.Stage(bench)
    for scenario in ran:
        bench.progress.title(f"{scenario.name}: {scenario.meaning}")
        scenario.run(bench, stage)
    for disturbance in machine.Usage.now().disturbances_since(before):
        bench.limit(disturbance)
    rows = judged(table.rows(bench), ran)
    results.write(given.json, results.document(bench, started, rows))
    results.write_report(bench, given.json, given.report)
    if rows:
        print(f"\n{table.text(rows)}")
    for limit in bench.limits:
        print(f"note: {limit}")
    print(f"after {bench.progress.elapsed_s():.0f} s; {given.json} {given.report}")
    return 0 if all(row.holds for row in rows) or not bench.plan.enforce else 1


def main(words: Sequence[str]) -> int:
    given = arguments(words)
    if given.list:
        for scenario in scenarios.ALL:
            print(f"{scenario.name:<12} {scenario.meaning}")
        return 0
    with work_folder(given.keep) as folder, Children(folder, given.nice) as children:

        def ended(number: int, _: object) -> None:
            children.end()
            raise ChildFailed(f"ended by {signal.Signals(number).name}")

        # However we are ended, the children are ended by the block that holds them.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, ended)
        bench = Bench(given.build, folder, children, plan_of(given), machine.cores(), Progress())
        try:
            for binary in (bench.sallyport, bench.lab):
                if not binary.is_file():
                    raise ChildFailed(f"{binary} is not there: build it, or name another --build")
            return compare(bench, given)
        except WrongAnswer as wrong:
            print(f"bench: wrong answer: {wrong}", file=sys.stderr)
        except ChildFailed as failed:
            print(f"bench: {failed}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
