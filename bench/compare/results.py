"""What a run leaves behind: one JSON, and the page made from it."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable

from . import machine
from .bench import Bench
from .processes import ChildFailed
from .table import Row


def document(bench: Bench, started: str, table: Iterable[Row]) -> dict[str, object]:
    """The schema is in docs/benchmarking.md."""
    return {"schema": 1, "kind": "comparison", "started": started, "machine": machine.describe(),
            "rounds": bench.rounds, "table": [row.json() for row in table],
            "limits": bench.limits}


def write(path: pathlib.Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def write_report(bench: Bench, result: pathlib.Path, report: pathlib.Path) -> None:
    report.parent.mkdir(parents=True, exist_ok=True)
    child = bench.children.start("report", [bench.lab, "bench", "report", result, "--output",
                                            report])
    if child.wait(60) != 0:
        raise ChildFailed(f"the report was not written\n{child.tail()}")
    bench.children.stop(child)
