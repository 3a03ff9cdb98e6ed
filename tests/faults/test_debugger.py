"""A process that a debugger holds: it is not judged meanwhile, and can be stopped."""
import ctypes
import os
import signal

import pytest
from harness import SOURCE, descendants_of, process_state, until
from hanging import is_said_by_both

HOSTILE = f"/usr/bin/python3 {SOURCE / 'tests/e2e/hostile.py'}"

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000


class Debugger:
    """Stands at a breakpoint of a process; hears of its end only when asked to."""

    def __init__(self):
        self.ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self.held = []

    def hold(self, pid):
        for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
            if self.ptrace(request, pid, None, None) != 0:
                pytest.skip("needs ptrace")
        self.held.append(pid)
        until(lambda: process_state(pid) == "t")

    def let_go(self, pid):
        os.waitpid(pid, WALL)
        assert self.ptrace(PTRACE_DETACH, pid, None, None) == 0
        self.held.remove(pid)

    def hear_of_the_end(self, pid):
        os.waitpid(pid, WALL)
        self.held.remove(pid)


@pytest.fixture
def debugger():
    made = Debugger()
    yield made
    for pid in made.held:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, WALL)


def test_fault_C13_a_dead_process_that_its_debugger_keeps(shop, debugger):
    shop.stack("""
        [service job]
        command = ACTOR
        stop.timeout = 300ms
        [service other]
        command = ACTOR
    """)
    shop.up()
    job = shop.pid("job")
    debugger.hold(job)
    is_said_by_both(shop, "job", str(job), "held by its debugger")


def test_fault_C13_a_debugger_that_lets_go_in_time(shop, debugger):
    shop.stack("""
        [service job]
        command = ACTOR
        stop.timeout = 300ms
    """)
    shop.up()
    supervisor, job = shop.instance()["pid"], shop.pid("job")
    debugger.hold(job)
    stop = shop.world.popen("stop", "job", cwd=shop.dir)
    until(lambda: process_state(job) == "Z")
    debugger.hear_of_the_end(job)
    assert stop.wait(20) == 0
    assert shop.state("job") == "down" and not descendants_of(supervisor)


@pytest.mark.parametrize("script", ["", "; true"])  # itself, and below a shell
def test_fault_C13_H22_its_checks_do_not_count(shop, debugger, script):
    shop.stack(f"""
        [service api]
        command = {HOSTILE} status 503{script}
        health = http /
        health.interval = 50ms
        health.timeout = 300ms
        health.retries = 3
        restart.delay = 10ms
    """)
    shop.up()
    leader = shop.pid("api")
    server = [*descendants_of(leader), leader][0]
    events = shop.events()
    debugger.hold(server)
    told = events.event("warning", "api")["text"]
    assert "debugger" in told and str(server) in told
    # More checks than it may fail; then one that counts.
    supervisor = shop.instance()["pid"]
    for _ in range(5):
        until_another_check(supervisor)
    debugger.let_go(server)
    shop.run("wait", "api:healthy", code=0)
    assert shop.pid("api") == leader and shop.service("api")["restarts"] == 0
    assert not [e for e in shop.past_events() if e["kind"] == "unhealthy"]
    assert len([e for e in shop.past_events() if e["kind"] == "warning"]) == 1
    shop.write("bad", "")
    events.event("unhealthy", "api")
    events.close()
    shop.down()


def sockets_of(pid):
    found = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            found.add(os.readlink(entry.path))
        except OSError:
            continue
    return {name for name in found if name.startswith("socket:")}


def until_another_check(supervisor):
    """Every check has a connection of its own."""
    before = sockets_of(supervisor)
    until(lambda: sockets_of(supervisor) - before)
