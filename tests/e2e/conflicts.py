"""What the tests of conflicts share: stacks whose ports are taken, and what the registry knows of it."""
import os
import signal
import sqlite3
import subprocess

import pytest

STRATEGIES = ["conservative", "intelligent", "aggressive"]

API = """
    [service api]
    command = ACTOR --listen
"""

LOST = """
    [service api]
    command = ACTOR --listen
    [service extra]
    command = ACTOR --listen
    slot = 5
    optional = yes
    immutable = yes
"""


def rows(world, query, *values):
    with sqlite3.connect(f"file:{world.home}/registry.db?mode=ro", uri=True) as db:
        return db.execute(query, values).fetchall()


def audited(world):
    return rows(world, "SELECT action, target, reason FROM audit ORDER BY id")


def dump(world):
    """Everything the registry holds."""
    with sqlite3.connect(f"file:{world.home}/registry.db?mode=ro", uri=True) as db:
        return list(db.iterdump())


@pytest.fixture
def shared_with_nobody():
    """Two processes have one listener on 30101, and one of them belongs to somebody else."""
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    code = ("import os,signal,socket,sys\n"
            "s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
            "s.bind(('127.0.0.1', 30101)); s.listen()\n"
            "pid=os.fork()\n"
            "if not pid: os.setresuid(65534, 65534, 65534)\n"
            "os.write(1, b'up\\n'); signal.pause()\n")  # one write: two processes share the pipe
    group = subprocess.Popen(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert group.stdout.readline() == b"up\n" and group.stdout.readline() == b"up\n"
        yield group
    finally:
        os.killpg(group.pid, signal.SIGKILL)
        group.wait()
        group.stdout.close()
