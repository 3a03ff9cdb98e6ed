"""A file system that stands still."""
import os
import signal

from harness import ACTOR, until
from hanging import HangingFiles


def test_fault_A17_an_exec_that_hangs(shop):
    """The program lies on a file system that hangs: its start times out, and nobody else notices."""
    with HangingFiles(shop.dir / "far", {"tool": (0o755, f"#!/bin/sh\nexec {ACTOR} \"$@\"\n".encode())}) as files:
        shop.stack("""
            [defaults]
            restart.delay = 10ms
            [service near]
            command = ACTOR --listen
            slot = auto
            [service path]
            command = far/tool --listen
            slot = auto
            ready.timeout = 700ms
            restart.limit = 2 in 5m
            stop.timeout = 500ms
            [service searched]
            command = tool --listen
            slot = auto
            env.PATH = DIR/far:/usr/bin:/bin
            ready.timeout = 700ms
            restart.limit = 2 in 5m
            stop.timeout = 500ms
        """)
        shop.up()
        pids = [shop.pid(name) for name in ("path", "searched", "near")]
        files.hang()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until(lambda: files.waiting() >= 2, what="both starts hang in the file system")
        slowest = max(shop.run("status", "--json").seconds for _ in range(5))
        assert slowest < 3, "the loop stood still"
        until(lambda: shop.service("near")["restarts"] == 1 and shop.state("near") == "ready")
        for name in ("path", "searched"):
            service = shop.wait_state(name, "failed")
            assert "not ready within 700 ms" in service["reason"], service
        files.go_on()
        for name in ("path", "searched"):
            assert shop.run("start", name, code=0).seconds < 10
            shop.wait_state(name, "ready")
        shop.down()
