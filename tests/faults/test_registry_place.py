"""The place of the registry is locked, read-only, full, or does not know locks: a sentence, and what runs goes on."""
import contextlib
import os
import pathlib
import signal
import subprocess

import pytest
from harness import STUCK_S, gone, until
from registry_parts import STACK, ask, beside, file_of, held, running, runs_on, small_disk


def another(shop, name="other"):
    other = shop.world.project(name)
    other.stack(STACK)
    return other


def test_fault_F5_locked_by_a_program_that_hangs(shop):
    pid, port = running(shop)
    with held(shop, "BEGIN EXCLUSIVE"):
        runs_on(shop, pid, port)
        assert shop.run("status", code=0).seconds < STUCK_S
        shop.run("registry", "list", code=0)
        shop.run("restart", "api", code=0)
        shop.run("wait", "api", code=0)
        refused = another(shop).run("up", "-d", code=7)
        assert "another program keeps it locked" in refused.err and f"fuser {file_of(shop)}" in refused.err
        assert shop.port("api") == port
        said = shop.run("down", code=0)
        assert "another program keeps it locked" in said.err and "is down" in said.err
        assert "without being stopped" not in shop.run("status").err
    assert shop.run("registry", "list", "--json", code=0).json["projects"][0]["instances"][0]["status"] == "stopped"
    assert "without being stopped" not in shop.up().err
    supervisor, guardian = (shop.instance()[key] for key in ("pid", "guardian_pid"))
    for process in (guardian, supervisor):
        os.kill(process, signal.SIGKILL)
    gone(supervisor)
    assert "without being stopped" in shop.run("status").err
    shop.up()
    assert shop.port("api") == port


def test_fault_F5_a_stackup_that_hangs_has_the_lock(shop):
    pid, port = running(shop)
    code = ("import fcntl, struct, sys, time\n"
            "lock = open(sys.argv[1], 'r+b')\n"
            "fcntl.fcntl(lock, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 1, 0))\n"  # F_OFD_SETLK
            "print('held', flush=True)\n"
            "time.sleep(3600)\n")
    lock = shop.world.home / "locks/registry.lock"
    holder = subprocess.Popen(["/usr/bin/python3", "-c", code, str(lock)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        runs_on(shop, pid, port)
        refused = another(shop).run("up", "-d", code=7)
        assert "another stackup has had it locked for 10 s" in refused.err and f"fuser {lock}" in refused.err
        runs_on(shop, pid, port)
    finally:
        holder.kill()
        holder.wait()
    other = another(shop)
    other.up()


@contextlib.contextmanager
def read_only(directory):
    """For whoever opens a file from now on."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount read-only")
    if subprocess.run(["mount", "--bind", directory, directory], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", directory], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def test_fault_F6_a_disk_that_is_read_only_now(shop):
    pid, port = running(shop)
    with read_only(str(shop.world.home)):
        runs_on(shop, pid, port)
        assert "shop" in shop.run("registry", "list", code=0).out
        assert "api" in shop.run("ports", "list", code=0).out
        shop.run("registry", "integrity", code=0)
        copy = shop.run("registry", "backup", shop.world.root / "copy.db", code=0)
        assert "checked" in copy.err
        assert "Read-only file system" in shop.run("registry", "set", "owner=ann", code=7).err
        refused = another(shop).run("up", "-d")
        assert refused.code != 0 and "Read-only file system" in refused.err, refused
        assert "Read-only file system" in shop.run("registry", "backup", code=1).err
    runs_on(shop, pid, port)
    another(shop).up()


def test_fault_F6_a_directory_without_permission(unprivileged):
    shop = unprivileged.project("shop")
    pid, port = running(shop)
    unprivileged.home.chmod(0o500)
    try:
        runs_on(shop, pid, port)
        assert "shop" in shop.run("registry", "list", code=0).out
        refused = another(shop).run("up", "-d")
        assert refused.code != 0 and "ermission denied" in refused.err + refused.out, refused
        runs_on(shop, pid, port)
    finally:
        unprivileged.home.chmod(0o700)
    another(shop).up()


def fill(directory):
    """The disk, to its last byte."""
    ballast = os.open(directory / "ballast", os.O_WRONLY | os.O_CREAT)
    for size in (1 << 16, 1):
        with contextlib.suppress(OSError):
            while os.write(ballast, b"\0" * size):
                pass
    os.close(ballast)


@contextlib.contextmanager
def home_on(shop, options):
    """The registry and all state on a disk of its own, while the test lasts."""
    with small_disk(shop.world.root / "disk", options) as disk:
        home = disk / "home"
        home.mkdir(mode=0o700)
        shop.world.env["STACKUP_HOME"], shop.world.home = str(home), home
        try:
            yield disk
        finally:
            shop.run("down", "--machine")


def test_fault_F7_the_disk_is_full(shop):
    with home_on(shop, "size=4m") as disk:
        pid, port = running(shop)
        fill(disk)
        runs_on(shop, pid, port)
        refused = another(shop).run("up", "-d")
        assert refused.code != 0 and ("disk is full" in refused.err or "No space left" in refused.err), refused
        said = shop.run("registry", "set", "notes=" + 20000 * "x", code=7)
        assert "the disk is full" in said.err and "free some space" in said.err
        said = shop.run("registry", "backup", code=1)
        assert "No space left" in said.err or "disk is full" in said.err, said
        assert not [p for p in shop.world.home.iterdir() if "backup" in p.name]
        shop.run("restart", "api", code=0)
        shop.run("wait", "api", code=0)
        (disk / "ballast").unlink()
        shop.run("registry", "integrity", code=0)
        assert not beside(shop, "corrupt")
        another(shop).up()


def test_fault_F24_no_inode_is_left(shop):
    with home_on(shop, "size=16m,nr_inodes=300") as disk:
        pid, port = running(shop)
        (disk / "many").mkdir()
        with contextlib.suppress(OSError):
            for number in range(400):
                (disk / "many" / str(number)).touch()
        runs_on(shop, pid, port)
        assert "shop" in shop.run("registry", "list", code=0).out
        refused = another(shop).run("up", "-d")
        assert refused.code != 0 and ("No space left" in refused.err or "full" in refused.err), refused
        runs_on(shop, pid, port)
        for path in (disk / "many").iterdir():
            path.unlink()
        shop.run("registry", "integrity", code=0)
        another(shop).up()


def test_fault_F14_no_service_has_the_registry_open(shop):
    pid, _ = running(shop)
    supervisor = shop.instance()["pid"]
    for process in (pid, supervisor):
        names = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{process}/fd").iterdir() if os.path.lexists(fd)]
        assert not [n for n in names if "registry" in n], names


def test_fault_F25_a_crash_is_in_the_history(shop):
    pid, _ = running(shop)
    instance = shop.instance()
    os.kill(instance["pid"], signal.SIGSTOP)  # it would stop in order when its guardian dies
    for process in (instance["guardian_pid"], instance["pid"]):
        os.kill(process, signal.SIGKILL)
    gone(instance["pid"])
    until(lambda: shop.run("status").code != 0)
    shop.up()
    assert ask(shop, "SELECT count(*) FROM events WHERE kind = 'crashed' AND instance = 1") == [(1,)]
    gone(pid)
