"""What the machine refuses: processes (pids.max), memory (the OOM killer)."""
import os
import re
import signal

from cgroup import limited
from harness import descendants_of

EATER = """
import os, pathlib, time
pathlib.Path("/proc/self/oom_score_adj").write_text("1000")
print("hungry", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
eaten = []
while True:
    eaten.append(bytearray(os.urandom(1 << 20)))
"""


def test_fault_C19_the_oom_killer_is_named(shop):
    """One service is taken by the OOM killer, then by somebody's kill -9: two different reasons."""
    shop.write("eat.py", EATER)
    shop.stack("""
        [service eater]
        command = /usr/bin/python3 eat.py
        ready = log hungry
        restart.delay = 10ms
        [service other]
        command = ACTOR
    """)
    shop.up()
    other = shop.pid("other")
    events = shop.events()
    with limited("memory.max", 64 << 20) as enter:
        enter(shop.pid("eater"))
        shop.write("go", "")
        killed = events.event("exited", "eater")
    assert "SIGKILL" in killed["text"] and "OOM" in killed["text"], killed
    assert "OOM" in shop.run("why", "eater", code=0).out
    (shop.dir / "go").unlink()
    shop.wait_state("eater", "ready")
    os.kill(shop.pid("eater"), signal.SIGKILL)
    killed = events.event("exited", "eater")
    assert "SIGKILL" in killed["text"] and "OOM" not in killed["text"], killed
    events.close()
    assert shop.pid("other") == other


def test_fault_A10_no_more_processes_in_the_control_group(shop):
    """pids.max is reached: the service waits, nothing counts as a crash, the rest runs on."""
    shop.stack("""
        [service victim]
        command = ACTOR --listen
        slot = auto
        restart.limit = 1 in 5m
        restart.max_delay = 500ms
        [service other]
        command = ACTOR
    """)
    with limited("pids.max", "max") as enter:
        shop.run("up", "--wait", code=0, preexec=enter)
        victim, other = shop.pid("victim"), shop.pid("other")
        events = shop.events()
        instance = shop.instance()
        ours = 2 + len(descendants_of(instance["pid"]))  # with supervisor and guardian
        enter.limit.write_text(str(ours - 1))
        os.kill(victim, signal.SIGKILL)
        for _ in range(3):  # more often than restart.limit allows for crashes
            assert re.search("process limit", events.event("spawn_failed", "victim")["text"])
        assert shop.state("victim") in ("cooling", "blocked") and shop.pid("other") == other
        assert "process limit" in shop.run("why", "victim", code=0).out
        enter.limit.write_text("max")
        service = shop.wait_state("victim", "ready")
        assert service["restarts"] == 1, "the kill; the shortage is no crash"
        events.close()
        shop.down()
