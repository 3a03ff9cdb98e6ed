"""`down` when nobody answers at the control socket (faults G10, S11), and `down --data`."""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess

import pytest
from harness import alive, descendants_of, kill_supervisor, until

STACK = """
    [service api]
    command = ACTOR --exit-on-term 0 --listen
"""
PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000


@pytest.fixture
def running(shop):
    shop.stack(STACK)
    shop.up()
    return shop


def run_dir(shop):
    return shop.world.home / "run" / "shop"


def socket_file(shop):
    return run_dir(shop) / "1.sock"


def stopped_orderly(shop):
    return "got a signal to stop" in shop.log("api") and not shop.world.survivors()


def test_several_at_once_of_several_instances(shop):
    """Whoever comes to an instance that another one has just stopped finds nothing to do."""
    shop.stack("[service calc]\ncommand = ACTOR\n")
    for number in range(1, 6):
        shop.detach("-i", number)
    several = [shop.world.popen("down", "--all", cwd=shop.dir, stderr=subprocess.PIPE) for _ in range(5)]
    assert [(each.communicate()[1], each.returncode)[1] for each in several] == [0] * 5
    assert not shop.world.survivors()


# ---- nobody answers -----------------------------------------------------------------------------

def test_fault_G10_a_stopped_supervisor_is_woken(running):
    supervisor = running.instance()["pid"]
    os.kill(supervisor, signal.SIGSTOP)
    result = running.down()
    assert "does not answer" in result.err and str(supervisor) in result.err
    assert stopped_orderly(running)
    assert "stopped" in running.run("status", code=3).out


def test_fault_G10_a_stopped_guardian_is_woken(running):
    guardian = running.instance()["guardian_pid"]
    os.kill(guardian, signal.SIGSTOP)
    running.down()
    assert stopped_orderly(running) and not alive(guardian)


def test_fault_G10_a_stopped_supervisor_without_a_socket_is_woken(running):
    os.kill(running.instance()["pid"], signal.SIGSTOP)
    shutil.rmtree(run_dir(running))
    running.down()
    assert stopped_orderly(running)


def test_fault_G10_a_supervisor_that_stops_while_it_stops_the_rest(shop):
    shop.stack("""
        [service db]
        command = ACTOR --ignore-term --listen
        stop.timeout = 1s
        [service api]
        command = ACTOR --exit-on-term 0 --listen
        depends_on = db
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    events = shop.events()
    down = shop.world.popen("down", cwd=shop.dir, stderr=-1)
    events.wait_for(lambda line: '"db"' in line and "stopping" in line)
    os.kill(supervisor, signal.SIGSTOP)
    err = down.communicate(timeout=40)[1].decode()
    assert down.returncode == 0 and "does not answer" in err, err
    events.close()
    assert not shop.world.survivors()


def test_fault_G10_a_supervisor_that_cannot_be_woken_is_killed(running):
    """Held by a debugger it hears neither TERM nor CONT; its guardian ends the rest."""
    instance = running.instance()
    pids = [instance["guardian_pid"], instance["pid"]] + descendants_of(instance["pid"])
    libc = ctypes.CDLL(None, use_errno=True)
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, instance["pid"], None, None) != 0:
            pytest.skip("needs ptrace")
    down = running.world.popen("down", cwd=running.dir, stderr=-1)

    def reaped():  # the tracer hears of its end first
        pid, status = os.waitpid(instance["pid"], os.WNOHANG | WALL)
        return pid and os.WIFSIGNALED(status)
    until(reaped, 40)
    err = down.communicate(timeout=20)[1].decode()
    assert down.returncode == 0 and "killed" in err, err
    assert not [pid for pid in pids if alive(pid)]
    assert "stopped" in running.run("status", code=3).out


def test_a_hung_supervisor_is_said_with_what_helps(running):
    before = running.instance()
    supervisor = before["pid"]
    os.kill(supervisor, signal.SIGSTOP)
    result = running.run("status", "--json", code=3)
    os.kill(supervisor, signal.SIGCONT)
    assert f"pid {supervisor}" in result.err and "does not answer" in result.err, result
    assert f"kill -CONT {supervisor}" in result.err and "stackup down" in result.err, result
    after, = result.json["instances"]
    assert [after[key] for key in ("state", "pid", "guardian_pid", "base_port")] == [
        before[key] for key in ("state", "pid", "guardian_pid", "base_port")]


def test_fault_S11_the_runtime_directory_is_removed(running):
    supervisor = running.instance()["pid"]
    os.kill(supervisor, signal.SIGSTOP)  # or it would be quicker than the removal
    shutil.rmtree(run_dir(running).parent)
    os.kill(supervisor, signal.SIGCONT)
    until(lambda: socket_file(running).exists(), 6)
    until(lambda: running.run("status").code == 0)
    running.down()
    assert stopped_orderly(running)


# ---- --data -------------------------------------------------------------------------------------

def test_down_data_deletes_what_the_instance_kept(running):
    running.up("-i", "2")
    old = running.state_dir(1).with_name("1.before-20260101T000000Z")
    old.mkdir()
    result = running.down("-i", "1", "--data", "--yes")
    assert f"deleted {running.state_dir(1)}" in result.err
    assert not running.state_dir(1).exists() and running.state_dir(2).exists() and old.exists()
    assert running.run("-i", "1", "status", "--json", code=3).json["instances"][0]["state"] == "stopped"
    running.down("-i", "1", "--data", "--yes")
    running.up("-i", "1")
    assert "got a signal" not in running.log("api")


def test_down_data_of_a_run_that_died(running):
    kill_supervisor(running)
    result = running.down("--data", "-y")
    assert "without being stopped" in result.err and not running.state_dir(1).exists()
    assert running.run("status", "--json", code=3).json["instances"][0]["state"] == "stopped"


def test_down_data_with_nobody_to_ask_stops_nothing(running):
    result = running.down("--data", code=2)
    assert "--yes" in result.err
    assert running.state("api") == "ready" and running.state_dir(1).exists()


@pytest.mark.parametrize("answer", ["n", "y", ""])
def test_down_data_asks(running, answer):
    terminal = running.terminal("down", "--data")
    terminal.wait_for("delete .*y/N")
    terminal.type(answer + "\n")
    assert terminal.wait() == 0
    assert running.state_dir(1).exists() == (answer != "y")
    assert not running.world.survivors()


def test_who_asks_an_instance_that_is_ending_gets_its_end(shop):
    """A supervisor that closes the connection instead of answering has ended: that is no failure of `status`."""
    shop.stack(STACK)
    for _ in range(5):
        shop.up()
        down = shop.world.popen("down", cwd=shop.dir, stderr=-1)
        seen = []
        while down.poll() is None:
            seen.append(shop.instance()["state"])
            shop.run("why", "api", code=0)
        down.communicate()
        assert set(seen) <= {"ready", "stopping", "stopped"}, seen
        assert shop.instance()["state"] == "stopped"


SLOW = """
    [service api]
    command = ACTOR --ignore-term --listen
    stop.timeout = STOP
"""


def begin_down(shop):
    """The instance is being stopped; its service takes its time."""
    events = shop.events()
    down = shop.world.popen("down", cwd=shop.dir, stderr=-1)
    events.wait_for(lambda line: '"api"' in line and "stopping" in line)
    events.close()
    return down


def test_up_waits_for_the_end_and_starts_anew(shop):
    shop.stack(SLOW.replace("STOP", "1s"))
    shop.up()
    before = shop.instance()["id"]
    down = begin_down(shop)
    terminal = shop.terminal("up", "--wait")
    terminal.wait_for("shop instance 1 is being stopped; it is started again when it is down")
    assert terminal.wait() == 0
    assert down.wait(timeout=40) == 0
    assert shop.instance()["id"] != before and shop.state("api") == "ready"


def test_up_starts_anew_what_was_just_leaving(shop):
    """It says that it runs, and ends before it has taken the connection."""
    shop.stack(STACK)
    shop.up()
    before = shop.instance()
    path = str(socket_file(shop))
    sockets = lambda: pathlib.Path("/proc/net/unix").read_text().count(path)
    until(lambda: sockets() == 1, what="nobody connected any more")
    os.kill(before["pid"], signal.SIGSTOP)
    up = shop.world.popen("up", "-d", cwd=shop.dir, stderr=subprocess.PIPE)
    until(lambda: sockets() > 1, what="a connection")
    os.kill(before["pid"], signal.SIGKILL)
    said = up.communicate(timeout=40)[1]
    assert up.returncode == 0, said
    assert shop.run("wait", code=0) and shop.instance()["id"] != before["id"]


def test_up_waits_for_the_end_as_long_as_it_was_told(shop):
    shop.stack(SLOW.replace("STOP", "1h"))
    shop.up()
    pid = shop.pid("api")
    down = begin_down(shop)
    assert "still being stopped" in shop.up("--wait-timeout", "0.5", code=124).err
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)
    assert down.wait(timeout=40) == 0


def test_down_data_does_not_take_it_from_a_new_run(shop):
    """The second instance is down at once, and started again, while the first one is waited for."""
    shop.stack(STACK + """
    [instance 1]
    environment = slow
    [service api @slow]
    command = ACTOR --ignore-term --listen
    stop.timeout = 3s
    """)
    shop.up("-i", "1")
    shop.up("-i", "2")
    down = shop.world.popen("down", "--all", "--data", "-y", cwd=shop.dir, stderr=-1)
    until(lambda: shop.run("-i", "2", "status", "--json").json["instances"][0]["state"] == "stopped")
    shop.up("-i", "2")
    err = down.communicate(timeout=20)[1].decode()
    assert down.returncode == 1 and "shop instance 2 runs again" in err, err
    assert not shop.state_dir(1).exists()
    assert shop.state("api", "-i", "2") == "ready" and shop.log_file("api", 2).exists()


def test_down_data_that_cannot_be_deleted_is_said(running):
    """A directory of the service's own that somebody mounted, or made immutable, may stay: the rest goes."""
    target = running.state_dir(1) / "data"
    target.mkdir()
    if os.getuid() != 0 or os.system(f"mount -t tmpfs none {target} 2>/dev/null") != 0:
        pytest.skip("needs a mount")
    try:
        result = running.down("--data", "-y", code=1)
        assert str(running.state_dir(1)) in result.err and "busy" in result.err.lower()
    finally:
        os.system(f"umount {target}")
    running.down("--data", "-y")
    assert not running.state_dir(1).exists()
