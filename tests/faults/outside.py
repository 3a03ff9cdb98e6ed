"""What of a stackup can be seen without asking it: its locks, its registry, what it said at its end."""
import contextlib
import fcntl
import os
import re
import signal
import sqlite3
import struct

LINES_MOST = 12


def locked(directory):
    """Bytes of lock files that somebody holds (fcntl(2), F_OFD_GETLK)."""
    held = []
    for path in directory.glob("*.lock") if directory.exists() else []:
        with path.open("rb") as f:
            asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = struct.unpack("hhqqi4x", fcntl.fcntl(f, 36, asked))
            if answer[0] != fcntl.F_UNLCK:
                held.append((path.name, answer[2]))
    return held


@contextlib.contextmanager
def registry(home):
    with contextlib.closing(sqlite3.connect(f"file:{home}/registry.db", uri=True, timeout=10)) as db:
        yield db


def registry_is_sound(home):
    if not (home / "registry.db").exists():
        return True
    with registry(home) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def leases(home):
    with registry(home) as db:
        return sorted(port for (port,) in db.execute("SELECT port FROM leases"))


def is_sentence(err):
    """What people can read: something, not too much, no stack of calls."""
    lines = err.strip().splitlines()
    return 0 < len(lines) <= LINES_MOST and not re.search(r"Sanitizer|runtime error|^\s+#\d", err, re.M)


def crashed(code):
    """By a signal of its own making, as a shell or subprocess says it; or by what the sanitizers say."""
    numbers = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL)
    return code in {128 + n for n in numbers} | {-n for n in numbers} | {99}
