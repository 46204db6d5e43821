"""Children end whatever happens; what they spend is counted."""

import os
import sys

import pytest
from compare import accounting, machine
from compare.processes import ChildFailed, Children, wait_until

BUSY = """
import os, threading, time
def burn():
    while time.thread_time() < 0.1:
        pass
    print("done", flush=True)
    time.sleep(60)
if os.fork() == 0:
    burn()
threading.Thread(target=burn).start()
burn()
"""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_cpu_of_all_threads_and_children_is_counted(tmp_path):
    with Children(tmp_path) as children:
        busy = children.start("busy", [sys.executable, "-c", BUSY])
        busy.wait_for(lambda: busy.out().count("done") == 3, "three burners")
        assert len(accounting.family(busy.pid)) == 2
        assert accounting.cpu_ns(busy.pid) >= 300_000_000
        assert accounting.rss_kb(busy.pid) > 2_000


def test_grandchildren_end_with_the_children(tmp_path):
    with Children(tmp_path) as children:
        busy = children.start("busy", [sys.executable, "-c", BUSY])
        wait_until(lambda: len(accounting.family(busy.pid)) == 2, "a grandchild")
        family = accounting.family(busy.pid)
    assert busy.process.returncode is not None
    wait_until(lambda: not any(map(alive, family)), "the end of all")


def test_a_child_that_ends_early_is_shown(tmp_path):
    with Children(tmp_path) as children:
        child = children.start("broken", ["sh", "-c", "echo it does not work >&2; exit 3"])
        with pytest.raises(ChildFailed, match=r"(?s)status 3 before: readiness.*does not work"):
            child.wait_for(lambda: False, "readiness")


def test_children_keep_to_their_cores(tmp_path):
    core = min(os.sched_getaffinity(0))
    with Children(tmp_path) as children:
        child = children.start("pinned", ["sleep", "60"], {core})
        assert os.sched_getaffinity(child.pid) == {core}


def test_the_proxy_has_a_core_for_itself_where_there_are_two():
    assert machine.Cores.of({3, 5}).proxy == {3}
    assert machine.Cores.of({3, 5}).generator == machine.Cores.of({3, 5}).downstream == {5}
    four = machine.Cores.of({0, 1, 2, 3})
    assert [four.proxy, four.generator, four.downstream, four.service] == [{0}, {1}, {2}, {3}]
    assert machine.Cores.of({7}).generator == {7}


def test_the_work_of_others_is_told_apart_from_ours():
    before = machine.Usage(clock_s=0, busy_s=100, own_s=10, stolen_s=0)
    cores = os.cpu_count() or 1
    ours = machine.Usage(clock_s=10, busy_s=100 + 9 * cores, own_s=10 + 9 * cores, stolen_s=0)
    assert ours.disturbances_since(before) == []
    shared = machine.Usage(clock_s=10, busy_s=100 + 9 * cores, own_s=10 + 5 * cores, stolen_s=0)
    (said,) = shared.disturbances_since(before)
    assert "40%" in said
    stolen = machine.Usage(clock_s=10, busy_s=100, own_s=10, stolen_s=2 * cores)
    (said,) = stolen.disturbances_since(before)
    assert "hypervisor took 20%" in said


def test_our_own_work_counts_when_its_process_has_ended(tmp_path):
    before = accounting.own_s()
    with Children(tmp_path) as children:
        child = children.start("busy", [sys.executable, "-c",
                                        "import time\nwhile time.process_time() < 0.1: pass"])
        child.wait(30)
    assert 0.1 <= accounting.own_s() - before < 5


def test_a_thread_is_known_with_its_cores(tmp_path):
    core = {min(os.sched_getaffinity(0))}
    with Children(tmp_path) as children:
        child = children.start("sleeper", ["sleep", "60"], core)
        wait_until(lambda: accounting.threads(child.pid) == [("sleep", core)], "its name")
