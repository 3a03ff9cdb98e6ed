"""What goes wrong below a log: the disk, limits, watching, lines without end, a terminal that is played with."""
import errno
import os
import pathlib
import re
import resource
import signal
import subprocess

import pytest
from harness import BIN, Follower, children_of, until


def injected(shop, pid, kind, injection):
    """The calls of a process fail so from now on; leaks are not looked for under ptrace."""
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={kind}", "-e", f"inject={kind}:{injection}",
                               "-p", str(pid)], stderr=subprocess.PIPE)
    shop.world.opened.append(tracer)
    until(lambda: tracer.poll() is not None or "TracerPid:\t0" not in pathlib.Path(f"/proc/{pid}/status").read_text())
    if tracer.poll() is not None:
        pytest.skip("needs ptrace")
    return tracer


def told(shop, error):
    reason = os.strerror(getattr(errno, error))
    return [e for e in shop.past_events() if e["kind"] == "log" and reason in e["text"]]


@pytest.mark.parametrize("error", ["EIO", "EDQUOT", "EROFS"])
def test_fault_E10_a_disk_that_fails_is_told_once_and_nothing_is_lost(shop, error):
    shop.stack("""
        [service calc]
        command = ACTOR --say one --wait-file go --say two --wait-file on --say three
        [service other]
        command = ACTOR --write-file starts other
    """)
    shop.up()
    until(lambda: "one" in shop.log("calc"))
    tracer = injected(shop, shop.instance()["pid"], "splice", f"error={error}")
    shop.write("go", "")
    until(lambda: told(shop, error), 30)
    assert "its log cannot be written" in shop.service("calc")["reason"]
    shop.write("on", "")
    tracer.terminate()
    tracer.wait()
    until(lambda: shop.log("calc").split() == ["one", "two", "three"], 30)
    assert len(told(shop, error)) == 1 and not shop.service("calc")["reason"]
    assert shop.state("calc") == shop.state("other") == "ready" and len(shop.starts("starts")) == 1


def test_fault_E11_a_limit_to_the_size_of_files_rotates(shop):
    """As `ulimit -f` of whoever starts it; nothing is lost, and nobody dies of SIGXFSZ."""
    shop.stack("""
        [service calc]
        command = ACTOR --last-words 60000 --wait 60000
        log.max_size = 1G
        log.keep = 20
    """)
    limit = 256 << 10
    shop.run("up", "--wait", code=0, preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    supervisor = shop.instance()["pid"]
    directory = shop.log_file("calc").parent
    until(lambda: "word 60000\n" in shop.run("logs", "calc", "-n", "1", "--no-prefix").out, 30)
    parts = sorted(directory.glob("calc.log*"), key=lambda p: -int("0" + p.suffix[1:]) if p.suffix[1:].isdigit() else 1)
    sizes = [p.stat().st_size for p in parts if re.fullmatch(r"calc\.log(\.\d+)?", p.name)]
    assert len(sizes) > 1 and max(sizes) <= limit, sizes
    assert shop.log("calc") == "".join(f"word {i}\n" for i in range(1, 60001))
    assert shop.instance()["pid"] == supervisor and shop.service("calc")["restarts"] == 0


PROGRESS = """
import sys, time
for i in range(20000):
    sys.stdout.write(f"\\r{i:5} of 20000 " + "#" * (i // 400))
sys.stdout.write("\\rall is there\\n")
"""


def test_fault_E17_a_line_that_is_redrawn_for_ever_is_its_last_state(shop):
    shop.write("progress.py", PROGRESS)
    shop.stack("""
        [service job]
        type = task
        command = /usr/bin/python3 progress.py
    """)
    shop.up()
    assert shop.log_file("job").stat().st_size > 500000
    shown = shop.run("logs", "job", "--no-prefix", code=0).out
    assert shown.rstrip("\n").split("\n")[-1].endswith("all is there") and len(shown) < 100000
    terminal = shop.terminal("logs", "job", "--no-prefix", "-n", "1")
    terminal.wait()
    assert b"all is there" in terminal.output and len(terminal.output) < 100000


RAW = """
import fcntl, struct, sys, termios, tty
tty.setraw(1)
for size in (1, 60000, 0, 40):
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", size, size, 0, 0))
sys.stdout.write("from a raw terminal\\n")
sys.stdout.flush()
termios.tcflow(1, termios.TCOOFF)
"""


def test_fault_E20_a_service_that_plays_with_its_terminal(shop):
    shop.write("raw.py", RAW)
    shop.stack("""
        [service job]
        command = /usr/bin/python3 raw.py
        tty = yes
        type = task
        timeout = 30s
        [service other]
        command = ACTOR --say well
    """)
    shop.run("up", "--wait")
    until(lambda: "from a raw terminal" in shop.log("job"))
    assert shop.state("other") == "ready" and shop.log("other") == "well\n"
    shop.down()


def test_fault_E25_a_log_that_is_cut_while_it_is_followed(shop):
    shop.stack("""
        [service job]
        command = ACTOR --lines 1000 --wait-file go --say afterwards
    """)
    shop.up()
    follower = shop.follow("logs", "-f", "job", "--no-prefix")
    follower.wait_for("^line 1000$")
    os.truncate(shop.log_file("job"), 100)
    shop.write("go", "")
    follower.wait_for("afterwards$")
    follower.close()
    left = shop.run("logs", "job", "--no-prefix", code=0).out
    assert "afterwards" in left and "line 999" not in left
    assert shop.state("job") == "ready"


def test_fault_S31_without_inotify_a_follower_looks_by_the_clock(shop):
    """The user has used up his instances of inotify: what is followed comes all the same."""
    shop.stack("""
        [service job]
        command = ACTOR --say one --wait-file go --say two
    """)
    shop.up()
    env = {**shop.world.env, "ASAN_OPTIONS": shop.world.env["ASAN_OPTIONS"] + ":detect_leaks=0"}
    follower = Follower(subprocess.Popen(
        ["strace", "-qq", "-o", "/dev/null", "-e", "trace=inotify_init1", "-e", "inject=inotify_init1:error=EMFILE",
         BIN, "logs", "-f", "job", "--no-prefix"], cwd=shop.dir, env=env, stdout=subprocess.PIPE))
    shop.world.opened.append(follower.process)
    follower.wait_for("^one$")
    shop.write("go", "")
    follower.wait_for("^two$")
    for pid in children_of(follower.process.pid):
        os.kill(pid, signal.SIGKILL)
    follower.close()
