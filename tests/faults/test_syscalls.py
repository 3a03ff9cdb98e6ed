"""The k-th system call of a kind fails, or brings a signal: no leak, no hang, and a sentence.

strace injects into every process of the run, the services too; so a run may well fail. What it must
not do: crash, hang, leave a process, or end without saying anything.
"""
import os
import signal
import subprocess

import pytest
from harness import BIN, until
from outside import crashed, locked

# The services are injected into as well: one that fails is not tried again.
STACK = """
    [defaults]
    restart = no
    ready.timeout = 3s
    stop.timeout = 1s
    [service db]
    command = ACTOR --listen
    [service job]
    type = task
    command = ACTOR --say working --exit 0
    depends_on = db
    [service web]
    type = task
    command = ACTOR --say more --exit 0
    depends_on = job
"""


def traced(shop, injection, kind, *args):
    """stackup under strace, which goes on until everything of the instance has ended; leaks are not looked for under ptrace."""
    env = dict(shop.world.env)
    env["ASAN_OPTIONS"] += ":detect_leaks=0"
    process = subprocess.Popen(
        ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={kind}", "-e", f"inject={kind}:{injection}", BIN, *args],
        cwd=shop.dir, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    shop.world.opened.append(process)
    return process


def strace(shop, injection, kind, args=("up", "--exit-code-from", "web"), timeout=30):
    process = traced(shop, injection, kind, *args)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"hangs with {kind}:{injection}")
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


ERRORS = [
    ("A12", "clone,fork,vfork,clone3", "ENOMEM"), ("A10", "clone,fork,vfork,clone3", "EAGAIN"), ("A14", "pipe2", "ENFILE"),
    ("A13", "pidfd_open", "EMFILE"), ("openat", "openat", "EMFILE"), ("socket", "socket", "EMFILE"), ("bind", "bind", "EADDRINUSE"),
    ("mkdir", "mkdir,mkdirat", "EACCES"), ("rename", "rename,renameat,renameat2", "ENOSPC"), ("fsync", "fsync,fdatasync", "EIO"),
    ("write", "write,pwrite64", "ENOSPC"), ("splice", "splice", "EIO"),
    ("ftruncate", "ftruncate,fallocate", "ENOSPC"), ("fcntl", "fcntl", "ENOLCK"),
    ("epoll_ctl", "epoll_ctl", "ENOMEM"), ("epoll_ctl_limit", "epoll_ctl", "ENOSPC"),
]


@pytest.mark.parametrize("row,kind,error", ERRORS, ids=[row for row, _, _ in ERRORS])
def test_fault_A10_A12_A13_A14_the_kth_call_fails(shop, row, kind, error):
    shop.stack(STACK)
    for k in (1, 2, 3, 4, 6, 9, 14, 22):
        code, out, err = strace(shop, f"error={error}:when={k}", kind)
        assert not crashed(code), (k, code, out, err)
        mute = kind.startswith("write")  # the sentence itself could not be written
        assert code == 0 or err.strip() or mute, f"{kind} {error} at {k}: ended with {code} and said nothing\n{out}"
        until(lambda: not shop.world.survivors(), 20, f"nothing left after {kind} {error} at {k}")


@pytest.mark.parametrize("kind", ["read", "write", "poll,ppoll,epoll_wait,epoll_pwait", "wait4,waitid", "accept4", "recvmsg,sendmsg"])
def test_fault_S27_interrupted_calls_have_no_effect(shop, kind):
    shop.stack(STACK)
    # The loading of shared libraries gives up at EINTR: its reads come first.
    for when in ("40+3", "41+2") if kind == "read" else ("1+3", "2+2"):
        code, out, err = strace(shop, f"error=EINTR:when={when}", kind)
        assert code == 0, (when, code, out, err)


@pytest.mark.parametrize("when", ["1+2", "2+2", "1+3", "1..40"])
def test_epoll_has_no_room_for_a_while(shop, when):
    """Signals, logs, clients and every kind of probe are watched in the end, whatever was refused."""
    shop.stack("""
        [defaults]
        restart = no
        [service web]
        command = ACTOR --listen
        ready = http /
        health = tcp
        health.interval = 100ms
        [service told]
        command = ACTOR --notify --wait 60000
        ready = notify
        health = command true
        health.interval = 100ms
        [service lines]
        command = ACTOR --say listening --wait 60000
        ready = log listening
        tty = yes
    """)
    tracer = traced(shop, f"error=ENOMEM:when={when}", "epoll_ctl", "up", "-d")
    until(lambda: shop.run("status").code == 0)
    assert "listening" in shop.log("lines")
    shop.down()
    tracer.wait(20)


@pytest.mark.parametrize("number", ["TERM", "KILL", "INT"])
def test_fault_S6_signal_at_every_step_of_the_start(shop, number):
    shop.stack(STACK)
    for kind in ("openat", "clone,fork,vfork,clone3", "socket", "fcntl"):
        for k in (1, 2, 3, 5, 8, 13, 21, 34):
            code, out, err = strace(shop, f"signal={number}:when={k}", kind)
            assert not crashed(code), (kind, k, code, out, err)
            until(lambda: not shop.world.survivors(), 20, f"nothing left after {number} at {kind} {k}")
            if number != "KILL":
                assert not list((shop.world.home / "run").rglob("*.sock")), (kind, k)
                assert not locked(shop.world.home / "locks"), (kind, k)
    shop.up("job")
    shop.down()
    assert not list((shop.world.home / "run").rglob("*.sock"))


def test_fault_A19_child_killed_before_exec_is_a_failed_spawn(shop):
    """The kill hits the execve of the service: a failed spawn, tried again; not a crash of the program."""
    shop.stack("""
        [service calc]
        command = ACTOR --write-file starts calc
        restart.delay = 10ms
        restart.limit = 3 in 1m
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=execve", "-e", "inject=execve:signal=KILL:when=1",
                               "-p", str(supervisor)], stderr=subprocess.PIPE)
    shop.world.opened.append(tracer)
    until(lambda: "TracerPid:\t0" not in open(f"/proc/{supervisor}/status").read())
    events = shop.events()
    os.kill(shop.pid("calc"), signal.SIGKILL)
    for _ in range(2):
        assert "before" in events.event("spawn_failed", "calc")["text"]
    events.close()
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    shop.wait_state("calc", "ready")
    assert len(shop.starts("starts")) == 2
