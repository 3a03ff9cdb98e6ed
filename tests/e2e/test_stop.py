"""Faults C and promise P1: nothing survives a stop; and what Ctrl-C does on a terminal."""
import datetime
import os
import signal
import subprocess
import time

import pytest
from harness import (BIN, STUCK_S, Terminal, alive, children_of, command_line, descendants_of, gone, has_no_descendants,
                     port_is_free, process_state, until)


def stops(shop, script, seconds, timeout="500ms", extra=""):
    """A service with that script: after `stop` nothing of it lives; returns how long it took."""
    if "--say up" not in script:
        script += " --say up"
    shop.stack(f"""
        [service api]
        command = ACTOR {script}
        ready = log ^up$
        stop.timeout = {timeout}
        {extra}
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    mine = descendants_of(supervisor)
    assert shop.pid("api") in mine
    result = shop.run("stop", "api", code=0)
    left = [(pid, command_line(pid)) for pid in mine if alive(pid)]
    assert not left, left
    has_no_descendants(supervisor)
    assert result.seconds < seconds, result
    service = shop.service("api")
    assert service["state"] == "down" and service["pid"] is None
    return result.seconds


def test_fault_C1_ignores_term(shop):
    assert stops(shop, "--ignore-term", 5) >= 0.5


def test_fault_C2_stopped_process_is_continued_with_term(shop):
    assert stops(shop, "--exit-on-term 0 --say up --stop-self", 5, timeout="3s") < 2.5
    assert "got a signal to stop" in shop.log("api")


def test_fault_C2_stopped_and_ignoring_is_killed(shop):
    stops(shop, "--ignore-term --say up --stop-self", 5)


def test_fault_C3_setsid_child(shop):
    stops(shop, "--setsid-child --setsid-child", 5)


def test_fault_C4_double_fork_gets_term_first(shop):
    stops(shop, "--exit-on-term 0 --double-fork", 5, timeout="5s")
    assert shop.log("api").count("got a signal to stop") == 2


def test_fault_C4_double_fork_that_ignores_term_is_killed(shop):
    stops(shop, "--ignore-term --double-fork --double-fork", 5)


def test_fault_C5_group_member_ignores_term_and_the_leader_exits(shop):
    assert stops(shop, "--ignore-term --child --exit-on-term 0", 5) >= 0.5


def test_fault_C6_grandchild_keeps_the_output_open(shop):
    """The end is seen at the exit, not at the end of the output; what is said until the tree is empty is kept."""
    shop.stack("""
        [service calc]
        command = ACTOR --words-on-term 3 --double-fork --write-file ends calc --exit 3
        restart.delay = 10ms
        restart.max_delay = 50ms
        restart.limit = 8 in 1m
    """)
    shop.detach()
    shop.wait_state("calc", "failed", seconds=30)
    offset = time.time() - time.monotonic()
    ends = [t + offset for _, _, t in shop.starts("ends")]
    seen = [datetime.datetime.fromisoformat(e["time"].replace("Z", "+00:00")).timestamp()
            for e in shop.past_events() if e["kind"] == "exited" and "code 3" in e["text"]]
    assert len(ends) == len(seen) == 9
    late = [b - a for a, b in zip(ends, seen)]
    assert sorted(late)[2] < 0.05 and max(late) < 2, late
    lines = shop.log("calc").splitlines()
    assert lines.count("actor: got a signal to stop") == lines.count("word 3") == 9
    shop.down()


def test_fault_C7_fork_bomb_while_stopping(shop):
    stops(shop, "--fork-bomb 500", 15, timeout="3s")


def test_fault_C7_fork_bomb_that_ignores_term(shop):
    stops(shop, "--ignore-term --fork-bomb 300", 15, timeout="1s")


def test_fault_C8_children_that_fork_on(shop):
    shop.write("again.sh", "#!/bin/sh\ntrap '' TERM\nwhile :; do (setsid sh -c 'exec sleep 30' &) ; done\n", 0o755)
    shop.stack("""
        [service calc]
        command = DIR/again.sh
        stop.timeout = 200ms
        files_max = 64
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    result = shop.run("kill", "calc", timeout=60)
    assert result.code == 0 and result.seconds < 30
    until(lambda: shop.state("calc") != "ready")
    shop.run("stop", "calc", timeout=60)
    has_no_descendants(supervisor)


def test_fault_C9_ten_thousand_orphans(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --wait-file go --orphans 10000
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    logs = shop.follow("logs", "-f", "calc")
    shop.write("go", "")
    slowest = 0
    for _ in range(20):
        slowest = max(slowest, shop.run("status", "--json", code=0).seconds)
    logs.wait_for("orphaned 10000", 60)
    logs.close()
    until(lambda: children_of(supervisor) == [shop.pid("calc")])
    assert slowest < 2


def test_fault_C10_unknown_adopted_child_changes_nothing(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --orphans 5
    """)
    shop.up()
    shop.follow("logs", "-f", "calc").wait_for("orphaned 5")
    until(lambda: children_of(shop.instance()["pid"]) == [shop.pid("calc")])
    assert shop.state("calc") == "ready" and shop.service("calc")["restarts"] == 0


def test_fault_C18_child_without_environment_is_still_found(shop):
    stops(shop, "--clear-env --ignore-term --setsid-child", 5)


def test_fault_C18_daemon_without_environment_does_not_survive_down(shop):
    shop.stack("""
        [service worker]
        command = ACTOR --clear-env --ignore-term --double-fork --say up
        ready = log ^up$
        stop.timeout = 500ms
    """)
    shop.up()
    mine = descendants_of(shop.instance()["pid"])
    assert len(mine) == 2
    shop.down()
    assert not [pid for pid in mine if alive(pid)]


def test_fault_C18_daemon_without_environment_is_stopped_with_its_service(shop):
    """It has the service's log, and nothing else that would tell whose it is."""
    shop.stack("""
        [service worker]
        command = ACTOR --clear-env --double-fork --say up
        ready = log ^up$
        stop.timeout = 500ms
        [service other]
        command = ACTOR
    """)
    shop.up()
    other = shop.pid("other")
    mine = [pid for pid in descendants_of(shop.instance()["pid"]) if pid != other]
    assert len(mine) == 2
    shop.run("stop", "worker", code=0)
    assert not [pid for pid in mine if alive(pid)] and alive(other)


def test_fault_C20_stop_command_hangs_or_fails(shop):
    stops(shop, "--exit-on-term 0", 8, timeout="500ms", extra="stop.command = /bin/sleep 60")
    shop.down()
    stops(shop, "--exit-on-term 0", 5, timeout="500ms", extra="stop.command = /bin/false")


def test_fault_C20_stop_command_that_has_vanished(shop):
    tool = shop.write("tool", "#!/bin/sh\nexec sleep 60\n", 0o755)
    shop.stack("""
        [service calc]
        command = ACTOR --exit-on-term 0
        stop.command = ./tool
        stop.timeout = 10s
    """)
    shop.up()
    tool.unlink()
    assert shop.run("stop", "calc", code=0).seconds < STUCK_S
    warned = [e["text"] for e in shop.past_events() if e["kind"] == "warning"]
    assert len(warned) == 1 and "stop.command" in warned[0] and "./tool" in warned[0], warned
    assert "got a signal to stop" in shop.log("calc")


def test_stop_command_is_enough(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --ignore-term --wait-file stop-now --exit 0
        stop.command = /usr/bin/touch stop-now
        stop.timeout = 10s
    """)
    shop.up()
    assert shop.run("stop", "calc", code=0).seconds < STUCK_S


FAKE_DOCKER = """#!/bin/sh
# A client whose containers belong to a daemon: they run on when it is killed.
case $1 in
run) echo run > to-daemon; trap 'exit 0' TERM; while :; do sleep 0.05; done ;;
stop) echo stop > to-daemon; while test -e container; do sleep 0.05; done ;;
esac
"""
DAEMON = """
mkfifo to-daemon
exec 3<>to-daemon # its own end: a client that closes late is no end of file
while read -r word <&3; do
    if test "$word" = run; then sleep 600 & echo $! > container; else kill $(cat container); wait; rm container; fi
done
"""


def test_fault_C14_a_container_ends_by_its_own_command(shop, ends):
    shop.write("docker", FAKE_DOCKER, 0o755)
    shop.stack("""
        [service box]
        command = ./docker run box
        stop.command = ./docker stop box
        stop.timeout = 20s
    """)
    daemon = subprocess.Popen(["sh", "-c", DAEMON], cwd=shop.dir)
    ends.append(daemon.pid)
    until((shop.dir / "to-daemon").exists)
    shop.up()
    until((shop.dir / "container").exists)
    container = int(until((shop.dir / "container").read_text))
    ends.append(container)
    assert alive(container)
    shop.run("stop", "box", code=0)
    assert not alive(container) and not (shop.dir / "container").exists()
    daemon.kill()
    daemon.wait()


def test_stop_signal_and_leader_only(shop):
    stops(shop, "--child --exit-on-term 0", 5, timeout="2s", extra="stop.signal = INT\n        stop.to = leader")
    assert shop.log("api").count("got a signal to stop") == 1


def test_fault_C21_slow_term_handler_is_allowed(shop):
    assert stops(shop, "--term-delay 1500", 8, timeout="10s") >= 1.5
    assert not [e for e in shop.past_events() if e["kind"] == "killed"]


@pytest.mark.parametrize("verb", [["stop", "api"], ["down"], ["restart", "api"]])
def test_fault_C21_who_waits_for_it_is_told_what_for(shop, verb):
    shop.stack("""
        [service api]
        command = ACTOR --term-delay 1500
        ready = started
        stop.timeout = 10s
    """)
    shop.up()
    pid = shop.pid("api")
    terminal = shop.terminal(*verb)
    terminal.wait_for("api: stopping")
    assert alive(pid), "only told when it was over"
    assert terminal.wait() == 0 and not alive(pid)
    assert not [e for e in shop.past_events() if e["kind"] == "killed"]


def test_promise_P1_port_is_free_when_stop_says_so(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen --double-fork --exit-on-term 0
        stop.timeout = 1s
    """)
    shop.up()
    shop.down()
    assert port_is_free(30101)


def test_promise_P1_every_misbehaviour_at_once(shop):
    scripts = ["--ignore-term", "--ignore-term --double-fork", "--setsid-child --setsid-child", "--ignore-term --stop-self",
               "--fork-bomb 50", "--ignore-term --fork-bomb 50 --exit 0", "--term-delay 300", "--close-stdout --ignore-term",
               "--clear-env --ignore-term --double-fork", "--child --child --ignore-term --child"]
    shop.stack("[defaults]\nstop.timeout = 700ms\n" +
               "".join(f"[service s{i}]\ncommand = ACTOR {script}\n" for i, script in enumerate(scripts)))
    shop.up()
    supervisor = shop.instance()["pid"]
    until(lambda: len(descendants_of(supervisor)) > 60)
    mine = descendants_of(supervisor)
    result = shop.down()
    assert not [pid for pid in mine if alive(pid)]
    assert result.seconds < 20


# ---- Ctrl-C and friends on a terminal -----------------------------------------------------------

TWO = """
    [service api]
    command = ACTOR --say api-runs {api} --listen
    [service worker]
    command = ACTOR --say worker-runs {worker}
    ready = log worker-runs
"""


def foreground(shop, api="", worker="", extra=""):
    shop.stack(TWO.format(api=api, worker=worker) + extra)
    terminal = shop.terminal("up")
    terminal.wait_for("api-runs")
    terminal.wait_for("worker-runs")
    until(lambda: shop.instance()["state"] == "ready")
    return terminal


def test_fault_S7_ctrl_c_once_stops_orderly_and_says_so(shop):
    terminal = foreground(shop, "--exit-on-term 0", "--exit-on-term 0")
    instance = shop.instance()
    pids = descendants_of(instance["pid"])
    end = len(terminal.output)
    terminal.type("\x03")
    assert terminal.wait() == 130
    assert b"top" in terminal.output[end:]
    assert not [p for p in pids if alive(p)]
    assert shop.log("api").count("got a signal to stop") == 1
    until(lambda: not shop.world.survivors())


# Runs a command for somebody, as npm does: what it is sent it hands on, a moment later.
HANDS_ON = """
import signal, subprocess, sys, time
child = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGINT, lambda number, frame: (time.sleep(0.05), child.send_signal(number)))
sys.exit(child.wait())
"""


def test_fault_S7_ctrl_c_that_is_handed_on_is_one(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --term-delay 600 --exit-on-term 0
    """)
    terminal = Terminal(["/usr/bin/python3", "-c", HANDS_ON, BIN, "up"], shop.dir, shop.world.env)
    shop.world.opened.append(terminal)
    terminal.wait_for("calc: ready")
    terminal.type("\x03")
    terminal.wait()
    until(lambda: not shop.world.survivors())
    assert b"killing everything" not in terminal.output
    assert shop.log("calc").count("got a signal to stop") == 1


def test_fault_S7_ctrl_c_twice_kills_at_once(shop):
    terminal = foreground(shop, "--ignore-term --double-fork", "--ignore-term")
    pids = descendants_of(shop.instance()["pid"])
    events = shop.events()
    terminal.type("\x03")
    events.event("stopping", "worker")
    events.close()
    began = time.monotonic()
    terminal.type("\x03")
    assert terminal.wait() == 130
    assert time.monotonic() - began < 5, "stop.timeout is 10 s"
    assert not [p for p in pids if alive(p)]
    until(lambda: not shop.world.survivors(), 5)


def test_fault_S7_ctrl_c_three_times(shop):
    terminal = foreground(shop, "--ignore-term", "--ignore-term")
    terminal.type("\x03")
    terminal.type("\x03")
    terminal.type("\x03")
    assert terminal.wait() == 130
    until(lambda: not shop.world.survivors(), 5)


COUNTS_SIGNALS = """
import os, signal, sys, time
wanted = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCONT}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
if os.fork() == 0:
    os.setsid()
os.write(1, b"counts\\n")  # one write: two processes share the pipe
got = [signal.sigwait(wanted)]
end = time.monotonic() + 0.7
while (left := end - time.monotonic()) > 0:
    more = signal.sigtimedwait(wanted, left)
    got += [more.si_signo] if more else []
got = [signal.Signals(number).name for number in got if number != signal.SIGCONT]
os.write(1, (" ".join(["signals:", *got]) + "\\n").encode())
"""


@pytest.mark.parametrize("asked", ["ctrl-c", "TERM"])
def test_fault_C22_a_service_is_asked_once(shop, asked):
    """The terminal signals its foreground group, and we ask as well: every process sees one TERM and no INT."""
    shop.write("count.py", COUNTS_SIGNALS)
    shop.stack("""
        [service calc]
        command = /usr/bin/python3 count.py
        ready = log counts
    """)
    terminal = shop.terminal("up")
    until(lambda: shop.log_file("calc").exists() and shop.log("calc").split() == ["counts", "counts"])
    shop.run("wait", "calc", code=0)
    if asked == "ctrl-c":
        terminal.type("\x03")
    else:
        os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == (130 if asked == "ctrl-c" else 143)
    said = [line for line in shop.log("calc").splitlines() if line.startswith("signals")]
    assert said == ["signals: SIGTERM", "signals: SIGTERM"], said


def test_fault_C22_behind_a_shell_it_is_asked_once_as_well(shop):
    """The shell of `web: server -p $PORT` dies of the TERM that its group gets; the server goes on for a while."""
    shop.write("count.py", COUNTS_SIGNALS)
    shop.write("Procfile", "web: X=1 /usr/bin/python3 count.py -p $PORT; true\n")
    shop.detach()
    until(lambda: shop.log_file("web").exists() and shop.log("web").split() == ["counts", "counts"])
    shop.down()
    said = [line for line in shop.log("web").splitlines() if line.startswith("signals")]
    assert said == ["signals: SIGTERM", "signals: SIGTERM"], said


def test_fault_S8_closed_terminal_stops_a_foreground_instance(shop):
    terminal = foreground(shop)
    pids = descendants_of(shop.instance()["pid"])
    terminal.hang_up()
    for pid in pids:
        gone(pid)
    until(lambda: not shop.world.survivors())


def test_fault_S8_killed_client_stops_its_foreground_instance(shop):
    terminal = foreground(shop)
    pids = descendants_of(shop.instance()["pid"])
    os.kill(terminal.pid, signal.SIGKILL)
    for pid in pids:
        gone(pid)


def test_fault_S8_detached_instance_outlives_its_terminal(shop):
    shop.stack(TWO.format(api="", worker=""))
    terminal = shop.terminal("up", "-d")
    terminal.wait()
    terminal.hang_up()
    shop.run("wait", "--timeout", "20", code=0)
    assert shop.instance()["state"] == "ready"


@pytest.mark.parametrize("args,before,words", [
    (["up", "--wait"], [], "shop instance 1 goes on, `stackup down` ends it"),
    (["down"], ["up", "-d"], "shop instance 1 is being stopped all the same"),
    (["restart", "api"], ["up", "-d"], "`restart` goes on all the same"),
])
def test_fault_S7_whoever_stops_waiting_is_told_what_goes_on(shop, args, before, words):
    shop.stack("""
        [service api]
        command = ACTOR --ignore-term --say up
        ready = log never
        ready.timeout = 1h
        stop.timeout = 1h
    """)
    if before:
        shop.run(*before, code=0)
    terminal = shop.terminal("--no-color", *args)
    terminal.wait_for("api: stop" if before else "api: started")
    terminal.type("\x03")
    assert terminal.wait() == -signal.SIGINT
    assert b"stackup: no longer waiting; " + words.encode() + b"\r\n" in terminal.output, terminal.output
    assert shop.state("api") == ("stopping" if before else "starting")
    shop.down("-t", "0")


@pytest.mark.parametrize("slow,hurried", [(["down"], ["down", "-t", "0"]), (["stop", "api"], ["stop", "-t", "0", "api"])])
def test_who_is_in_a_hurry_shortens_a_stop_that_is_under_way(shop, slow, hurried):
    shop.stack("[service api]\ncommand = ACTOR --ignore-term --say up\nready = log up\nstop.timeout = 1h\n")
    shop.up()
    events = shop.events()
    waits = shop.world.popen(*slow, cwd=shop.dir, stderr=-1)
    events.event("stopping", "api")
    events.close()
    if slow == ["down"]:
        refused = shop.run("kill", "api", code=1)
        assert "`stackup down --timeout 0` kills what is left" in refused.err
    assert shop.run(*hurried, code=0).seconds < STUCK_S
    assert waits.wait(timeout=40) == 0


def test_fault_S9_ctrl_z_and_fg(shop):
    """The shell stops the client; what it started is supervised meanwhile, and goes on unharmed after fg."""
    shop.stack("""
        [service api]
        command = ACTOR --say api-runs --listen
        health = http /
        health.interval = 50ms
        health.timeout = 300ms
        health.retries = 1
        restart.delay = 10ms
        [service worker]
        command = ACTOR
    """)
    shell = Terminal(["/bin/bash", "--norc", "-i"], shop.dir, shop.world._env({"PS1": "prompt> "}))
    shop.world.opened.append(shell)
    shell.wait_for("prompt> ")
    shell.type(f"{BIN} up\n")
    shell.wait_for("api-runs")
    shop.run("wait", "--timeout", "20", code=0)
    client, = children_of(shell.pid)
    worker, api, end = shop.pid("worker"), shop.pid("api"), len(shell.output)
    shell.type("\x1a")
    shell.wait_for("Stopped", start=end)
    until(lambda: process_state(client) == "T")
    os.kill(api, signal.SIGKILL)
    until(lambda: shop.service("api")["restarts"] == 1 and shop.service("api")["health"] == "healthy")
    end = len(shell.output)
    shell.type("fg\n")
    shell.wait_for("api-runs", start=end)  # what was said meanwhile comes now
    assert shop.pid("worker") == worker and shop.service("api")["restarts"] == 1
    shell.type("\x03")
    shell.wait_for("prompt> ", start=end)
    shell.type("echo code $?\n")
    shell.wait_for("code 130")
    until(lambda: len(shop.world.survivors()) == 1, what="only the shell is left")


def test_sigterm_is_the_first_ctrl_c(shop):
    terminal = foreground(shop)
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 143
    until(lambda: not shop.world.survivors())


def test_second_up_follows_and_its_ctrl_c_ends_only_that(shop):
    shop.stack(TWO.format(api="", worker=""))
    shop.up()
    instance = shop.instance()
    terminal = shop.terminal("up")
    terminal.wait_for("runs already")
    os.kill(shop.pid("api"), signal.SIGKILL)
    end = terminal.wait_for("api-runs")
    terminal.type("\x03")
    terminal.wait()
    assert b"goes on" in terminal.output[end:] or b"still runs" in terminal.output[end:] or b"keeps running" in terminal.output[end:]
    assert shop.instance()["pid"] == instance["pid"] and shop.instance()["state"] == "ready"


def test_down_from_elsewhere_ends_the_foreground_with_0(shop):
    terminal = foreground(shop)
    shop.down()
    assert terminal.wait() == 0


def test_sighup_reloads_a_detached_instance(shop):
    shop.stack(TWO.format(api="", worker=""))
    shop.up()
    instance = shop.instance()
    worker = shop.pid("worker")
    events = shop.events()
    shop.stack(TWO.format(api="--say changed", worker=""))
    os.kill(instance["pid"], signal.SIGHUP)
    events.event("reloaded")
    until(lambda: "changed" in shop.log("api"))
    assert shop.pid("worker") == worker
    events.close()


def test_a_second_TERM_is_not_a_second_ctrl_c(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --term-delay 700 --say ready
        ready = log ready
    """)
    process = shop.follow("up")
    process.wait_for("ready")
    os.kill(process.process.pid, signal.SIGTERM)
    os.kill(process.process.pid, signal.SIGTERM)
    assert process.process.wait(20) == 143
    assert not [e for e in shop.past_events() if e["kind"] == "killed"]
