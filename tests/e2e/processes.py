"""Waiting for what happens, and processes as a test sees them."""
import os
import pathlib
import resource
import signal
import threading
import time

_never = threading.Event()


def look_again():
    """A moment between two looks."""
    _never.wait(0.01)


def until(condition, seconds=15, what=None):
    """The first true value of condition(); a failure that names it after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        look_again()


def process_state(pid):
    """A letter of proc(5), R, S, T, Z; "" when there is no such process."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rsplit(")", 1)[1].split()[0]


def alive(pid):
    """A process that runs; a zombie does not. Where only the first of its threads has ended, the others hold its files."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return fields[0] not in "ZX" or int(fields[17]) > 1


def gone(pid, seconds=15):
    until(lambda: not alive(pid), seconds, f"process {pid} gone")


class Survivor(int):
    """A pid that says in a failure what it was when it was found."""

    def __new__(cls, pid):
        self = super().__new__(cls, pid)
        self.what = f"{pid} {command_line(pid)}({shown_state(pid)})"
        return self

    def __repr__(self):
        return self.what


def shown_state(pid):
    """(name) state parent"""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        return " ".join(stat[stat.index("("):].split()[:3])
    except (OSError, ValueError):
        return "gone"


def with_environment(needle):
    """Pids of living processes whose environment has a NAME=VALUE that begins so."""
    found, needle = [], b"\0" + needle.encode()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry.name}/environ", "rb") as f:
                if needle in b"\0" + f.read() and alive(int(entry.name)):
                    found.append(Survivor(int(entry.name)))
        except OSError:
            continue
    return found


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "(gone)"


def children_of(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def descendants_of(pid):
    found = []
    for child in children_of(pid):
        found += [child] + descendants_of(child)
    return found


def has_no_descendants(pid):
    """Nothing below pid lives; what has ended may wait a moment for being reaped."""
    left = [child for child in descendants_of(pid) if alive(child)]
    assert not left, left
    until(lambda: not descendants_of(pid))


class Held(list):
    """Pids, with descriptors of their processes: who gets a number later is not meant."""

    def __init__(self):
        super().__init__()
        self._handles = []

    def append(self, pid):
        super().append(pid)
        try:
            self._handles.append(os.pidfd_open(pid))
        except ProcessLookupError:
            pass

    def __iadd__(self, pids):
        for pid in pids:
            self.append(pid)
        return self

    def kill(self):
        for handle in self._handles:
            try:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.close(handle)
        self._handles.clear()


def kill_supervisor(shop, *which):
    """It dies without a word, and its guardian has ended all that was left."""
    instance = shop.instance(*which)
    pids = [instance["pid"], instance["guardian_pid"]] + descendants_of(instance["pid"])
    os.kill(instance["pid"], signal.SIGKILL)
    for pid in pids:
        gone(pid)


def kill_both(shop, *which):
    """Supervisor and guardian die at once, so that nobody cleans up. Which of their processes live on."""
    instance = shop.instance(*which)
    pids = descendants_of(instance["pid"])
    both = (instance["guardian_pid"], instance["pid"])
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in both:
            os.kill(pid, number)
    for pid in both:
        gone(pid)
    return [pid for pid in pids if alive(pid)]


def squeeze(pid, descriptors):
    """Lowers how many files a process may have open; returns the limits from before."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, before[1]))
    return before
