"""Another supervisor goes on (on_crash = resume, or an upgrade) where nothing more can be written."""
import ctypes
import errno
import os
import shutil
import subprocess

import pytest
from harness import BIN, http_get, until
from test_resume import STACK, nothing_left, pids_of, ping, replaced, upgraded

CLONE_NEWNS = 0x20000


@pytest.fixture
def disk(shop):
    """The home is a small disk that only this process and its children see; fills it, or (False) gives room again."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small disk")
    if ctypes.CDLL(None).unshare(CLONE_NEWNS) or subprocess.call(["mount", "--make-rprivate", "/"]) \
            or subprocess.call(["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=300,mode=0700", "none", shop.world.home]):
        pytest.skip("a disk cannot be mounted here")
    ballast = shop.world.home / "ballast"

    def fill(full=True):
        if not full:
            return shutil.rmtree(ballast)
        ballast.mkdir()
        with open(ballast / "bytes", "wb", buffering=0) as file:
            until_full(lambda: file.write(bytes(4096)))
        names = (ballast / str(i) for i in range(100000))
        until_full(lambda: next(names).touch())
    yield fill
    shutil.rmtree(ballast, ignore_errors=True)
    shop.down(code=None)
    subprocess.run(["umount", "-l", shop.world.home], check=True)


def until_full(write):
    with pytest.raises(OSError) as told:
        while True:
            write()
    assert told.value.errno == errno.ENOSPC


def goes_on_and_is_whole_again(shop, disk, services):
    assert pids_of(shop) == services
    assert all(s["restarts"] == 0 and s["state"] == "ready" for s in shop.instance()["services"])
    assert http_get(shop.port("api"))
    disk(False)
    shop.run("restart", "api", code=0)
    assert http_get(shop.port("api"))
    instance = shop.instance()
    pids = pids_of(shop)
    shop.down()
    nothing_left(instance, [p for p in pids.values() if p])


def test_a_supervisor_dies_on_a_full_disk(shop, disk):
    shop.stack(STACK)
    shop.up()
    services = pids_of(shop)
    disk()
    replaced(shop)
    goes_on_and_is_whole_again(shop, disk, services)


def test_a_log_elsewhere_and_much_was_told(shop, disk):
    """What a boot makes anew: old events get another file, a log is at another place, or has been removed."""
    said = STACK.replace("ACTOR --listen", "ACTOR --say started-anew --listen", 1)
    shop.stack(said + "    log.file = DIR/db.log\n")
    shop.up()
    services = pids_of(shop)
    events = shop.state_dir() / "events.jsonl"
    os.truncate(events, 5 << 20)
    for path in (shop.state_dir() / "logs").glob("api.*"):
        path.unlink()
    disk()
    replaced(shop)
    goes_on_and_is_whole_again(shop, disk, services)
    assert "started-anew" in shop.log_file("api").read_text()
    assert "started" in events.read_text(), "the events have a file again"


@pytest.mark.parametrize("on_crash", ["stop", "resume"])
def test_an_upgrade_on_a_full_disk(shop, disk, on_crash):
    shop.stack(STACK.replace("on_crash = resume", f"on_crash = {on_crash}"))
    shop.up()
    services = pids_of(shop)
    program = shop.dir / "newer"
    shutil.copy(BIN, program)
    disk()
    upgraded(shop, program)
    until(lambda: ping(shop), what="an answer")
    goes_on_and_is_whole_again(shop, disk, services)
