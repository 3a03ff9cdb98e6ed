"""A control group of one test, by whichever version of the interface the machine offers."""
import contextlib
import os
import pathlib

import pytest
from harness import until

ROOT = pathlib.Path("/sys/fs/cgroup")
# The name of a limit in version 2, and where version 1 keeps it.
VERSION_1 = {"memory.max": "memory.limit_in_bytes", "pids.max": "pids.max"}


def _make(controller):
    """The directory of a new group, or None."""
    top = ROOT if (ROOT / "cgroup.controllers").exists() else ROOT / controller
    group = top / f"stackup-test-{os.getpid()}"
    try:
        if top == ROOT and controller not in (ROOT / "cgroup.subtree_control").read_text().split():
            return None
        group.mkdir()
        return group
    except OSError:
        return None


@contextlib.contextmanager
def limited(limit, value):
    """A function that puts the process that calls it into a group with this limit."""
    controller = limit.split(".")[0]
    group = _make(controller)
    if not group:
        pytest.skip(f"no {controller} control group can be made here")
    try:
        name = limit if (group / limit).exists() else VERSION_1[limit]
        (group / name).write_text(str(value))

        def enter(pid=0):
            (group / "cgroup.procs").write_text(str(pid))
        enter.limit = group / name
        yield enter
    finally:
        until(lambda: not (group / "cgroup.procs").read_text(), 20, "the control group is empty")
        group.rmdir()
