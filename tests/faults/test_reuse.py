"""Pids that mean somebody else by now: forced reuse, another boot, a record of a stranger (P3)."""
import os
import pathlib
import signal
import sqlite3
import subprocess

import pytest
from harness import _libc, gone, kill_both, until

PR_SET_CHILD_SUBREAPER = 36

STACK = """
    [service api]
    command = ACTOR --listen
    restart = no
    [service other]
    command = ACTOR
"""


def start_ticks(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])


@pytest.fixture
def stranger():
    """Makes processes of nobody's; each must live when the test is over."""
    made = []

    def make():
        process = subprocess.Popen(["/bin/sleep", "600"], env={})
        made.append(process)
        return process
    yield make
    hit = [process.args for process in made if process.poll() is not None]
    for process in made:
        process.kill()
        process.wait()
    assert not hit, "a stranger was signalled"


def free_number(pid):
    """Reaps an orphan that fell to us; its number can be given away then."""
    gone(pid)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass
    if pathlib.Path(f"/proc/{pid}").exists():
        pytest.skip(f"somebody else got pid {pid}")


def take_over(pid):
    """Forks until a process of ours has that pid."""
    for _ in range(500):
        pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
        if child == pid:
            return
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    pytest.skip(f"somebody else got pid {pid}")


@pytest.fixture
def successor():
    """Gives a pid that somebody had to a stranger, who must live when the test is over."""
    if not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK):
        pytest.skip("needs root to choose a pid")
    taken = []
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def take(pid):
        free_number(pid)
        take_over(pid)
        taken.append(pid)
    yield take
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 0)
    hit = [pid for pid in taken if os.waitpid(pid, os.WNOHANG) != (0, 0)]
    for pid in set(taken) - set(hit):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert not hit, "a stranger was signalled"


def rewrite(shop, **columns):
    """What the registry says of the instance, as a disk restored from a backup would."""
    with sqlite3.connect(shop.world.home / "registry.db", timeout=10) as registry:
        for name, value in columns.items():
            registry.execute(f"UPDATE instances SET {name} = ?", (value,))
    registry.close()


def test_fault_C15_the_pid_of_an_ended_service_means_nothing(shop, successor):
    """Its leader is gone and reaped; who has its pid now is not stopped, killed or taken for it."""
    shop.stack(STACK)
    shop.up()
    pid = shop.pid("api")
    os.kill(pid, signal.SIGKILL)
    shop.wait_state("api", "failed")
    successor(pid)
    assert shop.service("api")["pid"] is None
    for verb in ("kill", "stop", "restart", "stop"):
        shop.run(verb, "api", code=0)
    shop.down()


def test_fault_C15_the_pid_of_a_dead_supervisor_means_nothing(shop, successor):
    shop.stack(STACK)
    shop.up()
    instance = shop.instance()
    kill_both(shop)
    successor(instance["pid"])
    successor(instance["guardian_pid"])
    shop.down()
    shop.up()
    shop.down()


def test_fault_C16_a_pid_of_another_boot_is_dropped(shop, stranger):
    """After a reboot the recorded pid is somebody's: not shown, not waited for, not signalled."""
    shop.stack(STACK)
    shop.up()
    kill_both(shop)
    for pid in shop.world.survivors():  # a reboot ends them as well
        os.kill(pid, signal.SIGKILL)
    victim = stranger()
    rewrite(shop, boot_id="00000000-0000-0000-0000-000000000000", owner_pid=victim.pid, guardian_pid=victim.pid,
            owner_start=start_ticks(victim.pid))
    instance = shop.instance()
    assert instance["pid"] is None and instance["guardian_pid"] is None and instance["state"] in ("failed", "stopped")
    assert shop.down().seconds < 5
    shop.up()
    assert shop.port("api") == 30101
    shop.down()


@pytest.mark.parametrize("boot", ["this", "another"])
def test_fault_C17_a_recorded_pid_without_our_lock_is_not_signalled(shop, stranger, boot):
    """Pid, start time and boot are those of a stranger, and the instance does run: `down` refuses."""
    shop.stack(STACK)
    shop.up()
    instance = shop.instance()
    victim = stranger()
    rewrite(shop, owner_pid=victim.pid, owner_start=start_ticks(victim.pid))
    if boot == "another":
        rewrite(shop, boot_id="00000000-0000-0000-0000-000000000000")
    os.kill(instance["pid"], signal.SIGSTOP)  # so that the socket does not come back
    for socket in (shop.world.home / "run").rglob("*.sock"):
        socket.unlink()
    refused = shop.run("down")
    assert refused.code != 0 and "cannot be told to stop" in refused.err, refused
    os.kill(instance["pid"], signal.SIGCONT)
    rewrite(shop, owner_pid=instance["pid"], owner_start=start_ticks(instance["pid"]),
            boot_id=pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    shop.down()


def test_fault_C17_the_right_supervisor_is_signalled(shop):
    """The other side of the check: without a socket the recorded supervisor is told by signal."""
    shop.stack(STACK)
    shop.up()
    pid = shop.instance()["pid"]
    os.kill(pid, signal.SIGSTOP)
    for socket in (shop.world.home / "run").rglob("*.sock"):
        socket.unlink()
    down = shop.world.popen("down", cwd=shop.dir, stderr=subprocess.PIPE)
    assert b"sent TERM" in down.stderr.readline()
    os.kill(pid, signal.SIGCONT)
    assert down.wait(20) == 0
    assert not shop.world.survivors()


def test_fault_C17_a_successor_with_the_markers_gone_is_no_leftover(shop, successor):
    """A survivor of a double kill ends; its pid comes to a stranger, in the same tick or not."""
    shop.stack(STACK)
    shop.up()
    pid = shop.pid("other")
    kill_both(shop)
    os.kill(pid, signal.SIGKILL)
    successor(pid)
    result = shop.down()
    assert str(pid) not in result.err
    until(lambda: not shop.world.survivors())


def leases(shop):
    with sqlite3.connect(shop.world.home / "registry.db", timeout=10) as registry:
        rows = registry.execute("SELECT port, service FROM leases").fetchall()
    registry.close()
    return dict(rows)


def test_fault_F17_a_dead_owner_whose_pid_is_a_strangers_has_no_lease(shop, successor):
    """The rows say running, and pid and guardian do live: as somebody else. Who asks next gets the port."""
    legacy = """
        [service legacy]
        command = ACTOR --listen
        port = 8000
        immutable = yes
    """
    shop.stack(legacy)
    shop.up()
    instance = shop.instance()
    kill_both(shop)
    for pid in shop.world.survivors():  # what it ran is gone as well: only the rows are left
        os.kill(pid, signal.SIGKILL)
    until(lambda: not shop.world.survivors())
    successor(instance["pid"])
    successor(instance["guardian_pid"])
    rewrite(shop, owner_start=start_ticks(instance["pid"]))
    assert leases(shop)[8000] == "legacy"
    assert shop.instance()["state"] in ("failed", "stopped")
    other = shop.world.project("other")
    other.stack(legacy)
    other.up()
    assert other.port("legacy") == 8000
    refused = shop.run("up", "-d", code=5)
    assert "other" in refused.err and "8000" in refused.err
    other.down()
    shop.up()
    assert shop.port("legacy") == 8000
    shop.down()


def test_fault_C17_the_pid_of_a_dead_leader_means_nothing(shop, successor):
    """The roster of the dead run names it; its environment says nothing in either case."""
    shop.stack("""
        [service api]
        command = ACTOR --listen --overwrite-env
    """)
    shop.up()
    pid = shop.pid("api")
    kill_both(shop)
    os.kill(pid, signal.SIGKILL)
    successor(pid)
    shop.run("status", code=3)
    shop.down()
    shop.up()
    shop.down()

