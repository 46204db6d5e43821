"""Makes the package bench/compare known to its tests."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "bench"))


@pytest.fixture
def bench(tmp_path):
    """A comparison in which nothing has been measured."""
    from compare import bench as plans
    from compare.machine import Cores
    from compare.processes import Children
    from compare.progress import Progress

    with Children(tmp_path) as children:
        yield plans.Bench(tmp_path, tmp_path, children, plans.FULL, Cores.of({0}), Progress())
