"""What the tests of a broken registry have in common."""
import contextlib
import os
import signal
import sqlite3
import subprocess

import pytest
from harness import process_state, until

STACK = "[service api]\ncommand = ACTOR --listen\n"


def file_of(shop):
    return shop.world.home / "registry.db"


def opened(shop):
    """A connection of somebody else's program."""
    return contextlib.closing(sqlite3.connect(file_of(shop), isolation_level=None))


def ask(shop, query, *values):
    with opened(shop) as db:
        return db.execute(query, values).fetchall()


def version_of(shop):
    return ask(shop, "PRAGMA user_version")[0][0]


def settle(shop):
    """All that was committed is in the file: what is damaged there, no log repairs."""
    with opened(shop) as db:
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def _has_it_open(pid):
    for fd in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            if "registry" in os.readlink(fd.path):
                return True
    return False


@contextlib.contextmanager
def at_rest(shop):
    """The supervisor, which writes events into the registry whenever there are some, stands still outside of it."""
    pid = shop.instance()["pid"]

    def stands():
        os.kill(pid, signal.SIGSTOP)
        until(lambda: process_state(pid) == "T", what="the supervisor stands still")
        if _has_it_open(pid):
            os.kill(pid, signal.SIGCONT)
            return False
        return True

    until(stands, what="the supervisor has nothing to write")
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def beside(shop, kind):
    return sorted(shop.world.home.glob(f"registry.db.{kind}-*"))


def runs_on(shop, pid, port):
    """The same process, on the same port, and everybody can say so."""
    service = shop.service("api")
    assert (service["pid"], service["ports"]["main"], service["state"]) == (pid, port, "ready"), service


def running(shop):
    shop.stack(STACK)
    shop.up()
    return shop.pid("api"), shop.port("api")


@contextlib.contextmanager
def small_disk(where, options):
    """A tmpfs, seen by all; only root can mount it."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small disk")
    where.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(where)], capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


@contextlib.contextmanager
def held(shop, statement):
    """Another program in the middle of a transaction, stopped there."""
    code = ("import sqlite3, sys, time\n"
            "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "db.execute(sys.argv[2])\n"
            "print('held', flush=True)\n"
            "time.sleep(3600)\n")
    holder = subprocess.Popen(["/usr/bin/python3", "-c", code, str(file_of(shop)), statement], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGSTOP)
        until(lambda: open(f"/proc/{holder.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T")
        yield holder
    finally:
        holder.kill()
        holder.wait()
