"""What withstands SIGKILL: it is said who and why, and nobody waits for it for ever."""
import os
import shutil
import signal

import pytest
from hanging import HangingFiles, is_said_by_both
from harness import alive, command_line, descendants_of, gone, until


class StuckFiles(HangingFiles):
    """A disk that does not even notice that its reader is to end: who waits for it waits in the kernel."""

    def _give_up(self, unique):
        pass


def test_fault_C11_a_process_that_waits_in_the_kernel(shop):
    with StuckFiles(shop.dir / "far", {"data": (0o644, b"something")}) as files:
        shop.write("read.sh", "#!/bin/sh\necho reading\nexec cat far/data\n", 0o755)
        shop.stack("""
            [service reader]
            command = ./read.sh
            ready = log reading
            stop.timeout = 300ms
            [service other]
            command = ACTOR
        """)
        files.hang()
        shop.up()
        reader = shop.pid("reader")
        until(lambda: files.holds(reader))
        is_said_by_both(shop, "reader", str(reader), "waits in the kernel")
        assert alive(reader)
        # It ends when the disk answers, and what comes after a start in its place is not touched.
        shop.write("read.sh", "#!/bin/sh\necho reading\nexec sleep 60\n", 0o755)
        shop.up()
        files.go_on()
        gone(reader)
        assert shop.state("reader") == "ready"
        shop.down()


def test_fault_C11_S1_a_guardian_does_not_wait_for_it_either(shop):
    with StuckFiles(shop.dir / "far", {"data": (0o644, b"something")}) as files:
        shop.stack("""
            [service reader]
            command = cat far/data
            [service other]
            command = ACTOR --ignore-term --double-fork
        """)
        files.hang()
        shop.up()
        instance, reader = shop.instance(), shop.pid("reader")
        rest = [pid for pid in descendants_of(instance["pid"]) if pid != reader]
        until(lambda: files.holds(reader))
        os.kill(instance["pid"], signal.SIGKILL)
        gone(instance["guardian_pid"], 20)
        assert not [pid for pid in rest if alive(pid)] and alive(reader)
        files.go_on()
        gone(reader)


def test_fault_C12_a_process_of_another_user(unprivileged):
    shop = unprivileged.project("shop")
    tool = shop.dir / "become"
    shutil.copy("/usr/bin/setpriv", tool)
    os.chown(tool, 0, 0)
    tool.chmod(0o4755)
    shop.stack("""
        [service job]
        command = DIR/become --reuid=0 --regid=0 --clear-groups sleep 600
        stop.timeout = 300ms
        [service other]
        command = ACTOR
    """)
    shop.up()
    job = shop.pid("job")
    if os.stat(f"/proc/{job}").st_uid != 0:
        os.kill(job, signal.SIGKILL)
        pytest.skip("programs cannot become another user here")
    try:
        is_said_by_both(shop, "job", str(job), "as another user")
        refused = [e for e in shop.past_events() if "changed its user" in e["text"]]
        assert len(refused) == 1 and alive(job)
    finally:
        os.kill(job, signal.SIGKILL)


def test_fault_C12_a_process_of_another_user_that_belongs_to_no_service(unprivileged):
    """It has left its session, its environment and its output behind: only the end of all meets it."""
    shop = unprivileged.project("shop")
    tool = shop.dir / "become"
    shutil.copy("/usr/bin/setpriv", tool)
    os.chown(tool, 0, 0)
    tool.chmod(0o4755)
    shop.stack("""
        [service job]
        command = setsid -f env -i DIR/become --reuid=0 --regid=0 --clear-groups sleep 611 >/dev/null 2>&1; exec sleep 600
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    own = until(lambda: next((pid for pid in descendants_of(supervisor) if command_line(pid) == "sleep 611 "), None))
    if os.stat(f"/proc/{own}").st_uid != 0:
        pytest.skip("programs cannot become another user here")
    try:
        shop.run("stop", "job", code=0)
        down = shop.run("down", code=1)
        assert "still there" in down.err and "as another user" in down.err and str(own) in down.err, down
        assert down.seconds < 20 and shop.instance()["state"] == "stopped"
    finally:
        os.kill(own, signal.SIGKILL)
