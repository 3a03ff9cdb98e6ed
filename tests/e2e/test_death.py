"""Faults S and promise P2: death of the supervisor, of the guardian, of both."""
import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest
from deaths import STACK, all_pids, nothing_left
from harness import alive, descendants_of, gone, http_get, port_is_free, until


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGQUIT])
def test_fault_S1_supervisor_dies_all_services_are_gone_in_a_second(shop, number):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    began = time.monotonic()
    os.kill(instance["pid"], number)
    nothing_left(pids)
    assert time.monotonic() - began < 2
    assert all(port_is_free(p) for p in range(30100, 30110))
    result = shop.run("status", "--json")
    assert result.json["instances"][0]["state"] in ("failed", "stopped")
    said = result.err + result.out + shop.run("status").out
    assert re.search("not stopped|without being stopped", said), said
    shop.up()
    assert http_get(30101)


def test_fault_S1_registry_says_crashed(shop):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(pids)
    project = shop.run("registry", "list", "--json", code=0).json["projects"][0]
    assert project["instances"][0]["status"] == "crashed"


def test_fault_S1_failed_until_somebody_starts_or_stops_it(shop):
    """Every look says the same; `down` puts the dead run away, `up` starts in its place."""
    def recorded():
        return shop.run("registry", "list", "--json", code=0).json["projects"][0]["instances"][0]["status"]

    shop.stack(STACK)
    for ends in ("down", "up"):
        shop.up()
        instance, pids = all_pids(shop)
        os.kill(instance["pid"], signal.SIGKILL)
        nothing_left(pids)
        for _ in range(3):
            result = shop.run("status", "--json", code=3)
            assert result.json["instances"][0]["state"] == "failed" and recorded() == "crashed"
            assert "without being stopped" in result.err
        assert "api is down: its supervisor was killed by SIGKILL\n" in shop.run("why", "api", code=0).out
        result = shop.run(ends, *(["--wait"] if ends == "up" else []), code=0)
        if ends == "down":
            assert "is down" in result.err
            assert shop.run("status", "--json", code=3).json["instances"][0]["state"] == "stopped"
            assert recorded() == "stopped"
            assert "does not run" in shop.down().err
        else:
            assert shop.instance()["state"] == "ready" and recorded() == "running"


def newer_schema(shop, by):
    """As a newer stackup leaves the registry when it migrates it: ours reads it, and does not write it."""
    version, = shop.world.ask_registry("PRAGMA user_version")[0]
    shop.world.ask_registry(f"PRAGMA user_version = {version + by}")


def test_an_end_that_the_registry_could_not_be_told_is_no_crash(shop):
    shop.stack(STACK)
    shop.up()
    newer_schema(shop, 1)
    shop.down()
    for back in (0, -1):
        newer_schema(shop, back)
        for words, code in (([], 3), (["--all"], 0)):
            said = shop.run("status", *words, "--json", code=code)
            assert said.json["instances"][0]["state"] == "stopped" and "without being stopped" not in said.err
        assert "died" not in shop.run("cleanup", "--dry-run", code=0).out
    assert shop.world.ask_registry("SELECT count(*) FROM events WHERE kind = 'crashed'") == [(0,)]
    assert "without being stopped" not in shop.up().err


def test_status_tells_of_a_crash_that_cannot_be_noted(shop):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    newer_schema(shop, 1)
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(pids)
    for words in ([], ["--all"]):
        said = shop.run("status", *words, "--json", code=3)
        assert said.json["instances"][0]["state"] == "failed"
        assert "without being stopped" in said.err and "newer stackup" in said.err
    newer_schema(shop, -1)
    assert "newer stackup" not in shop.run("status", code=3).err


def test_what_crashed_is_not_as_wanted_among_all(shop):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(pids)
    for _ in range(2):
        assert shop.run("status", "--all", "--json", code=3).json["instances"][0]["state"] == "failed"
    shop.down()
    shop.run("status", "--all", code=0)


@pytest.mark.parametrize("noted_by", ["status", "up", "cleanup"])
def test_the_events_of_the_instance_show_the_crash_once(shop, noted_by):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(pids)
    written = shop.state_dir() / "events.jsonl"
    with written.open("a") as torn:
        torn.write('{"time":')
    times = os.stat(written).st_mtime_ns
    if noted_by != "up":
        shop.run(noted_by, code=3 if noted_by == "status" else 0)
        assert os.stat(written).st_mtime_ns == times
    shop.up()
    events = shop.run("events", "-i", "1", "--json", code=0).json_lines
    at, = [i for i, event in enumerate(events) if event["kind"] == "crashed"]
    assert events[at]["service"] is None and events[at]["instance"] == 1
    assert "ready" in [event["kind"] for event in events[:at]]
    assert [event["seq"] for event in events[:at + 2]] == [*range(at + 1), 0]


def test_fault_S1_a_port_that_was_moved_stays_moved(shop):
    """Somebody who looks between the death and the next start changes nothing."""
    shop.stack(STACK)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 30101))
        other.listen()
        shop.up()
    instance, pids = all_pids(shop)
    port = shop.port("api")
    assert port != 30101
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(pids)
    shop.run("status", code=3)
    shop.up()
    assert shop.port("api") == port


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_fault_S4_crash_report(shop, number):
    canary = "canary-5b0e7f"
    shop.write(".env", f"TOKEN={canary}\n")
    shop.stack(f"""
        [service api]
        command = ACTOR --say {canary} --listen
        env.PASSWORD = {canary}
        [service lazy]
        command = ACTOR --exit 3
        restart = no
    """)
    shop.detach()
    shop.run("wait", "api", code=0)
    shop.wait_state("lazy", "failed")
    instance, pids = all_pids(shop)
    os.kill(instance["pid"], number)
    nothing_left(pids)
    path = shop.state_dir() / "supervisor.log"
    report = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"supervisor died of {number.name}" in report and "shop instance 1" in report
    assert f"run {instance['id']}" in report and f"pid {instance['pid']}" in report
    assert re.search("api: ready.*starting -> ready", report, re.S), report
    assert re.search("lazy: failed.*-> failed: exited with code 3", report, re.S), report
    assert canary not in report
    for _ in range(2):
        said = shop.run("status", code=3).err
        assert number.name in said and str(path) in said, said
    said = shop.up("api").err
    kept = path.with_name("supervisor.log.1")
    assert number.name in said and str(kept) in said and kept.read_text() == report
    assert path.read_text() == ""
    shop.down()
    shop.up("api")
    assert kept.read_text() == report, "kept until there is another one"


def test_promise_P14_a_crash_report_is_plain_text(shop):
    """Reasons quote what a service, or its check, has printed."""
    shop.stack(r"""
        [service api]
        command = ACTOR
        health = command printf '\033]0;title\007 \233 \303\251 red\n'; exit 1
        health.interval = 50ms
        ready.timeout = 2s
        restart.delay = 60s
        restart.max_delay = 60s
    """)
    shop.detach()
    shop.wait_state("api", "cooling")
    supervisor = shop.instance()["pid"]
    os.kill(supervisor, signal.SIGSEGV)
    gone(supervisor)
    path = shop.state_dir() / "supervisor.log"
    until(lambda: b"-> cooling" in path.read_bytes())
    report = path.read_bytes()
    assert b"red" in report
    assert not [byte for byte in report if byte != 10 and not 32 <= byte <= 126], report


EVERY_STATE = """
    [defaults]
    stop.timeout = 60s
    [service working]
    command = ACTOR --ignore-term --double-fork --say "the last words" --listen
    slot = auto
    [service starting]
    command = ACTOR --wait-file never --listen
    slot = auto
    [service blocked]
    command = ACTOR
    depends_on = starting
    [service sick]
    command = ACTOR --healthy-while well --listen
    slot = auto
    health = http /
    health.interval = 50ms
    health.retries = 1
    health.action = alert
    [service cooling]
    command = ACTOR --double-fork --wait-file crash --exit 1
    restart.delay = 60s
    restart.max_delay = 60s
    [service stopping]
    command = ACTOR --term-delay 60000 --child
    [service job]
    type = task
    command = ACTOR --setsid-child
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_fault_S1_killed_while_services_are_in_every_state(shop, number):
    shop.write("well", "")
    shop.stack(EVERY_STATE)
    shop.detach()
    for name in ("working", "sick", "cooling", "stopping"):
        shop.wait_state(name, "ready")
    (shop.dir / "well").unlink()
    shop.write("crash", "")
    stop = shop.world.popen("stop", "stopping", cwd=shop.dir, stderr=subprocess.PIPE)
    for name, state in (("sick", "unhealthy"), ("cooling", "cooling"), ("stopping", "stopping"), ("job", "starting"),
                        ("starting", "starting"), ("blocked", "blocked")):
        shop.wait_state(name, state)
    instance, pids = all_pids(shop)
    began = time.monotonic()
    os.kill(instance["pid"], number)
    nothing_left(pids)
    assert time.monotonic() - began < 1
    assert stop.wait(10) != 0 and stop.stderr.read(), "who waits for an answer is told"
    assert all(port_is_free(p) for p in range(30100, 30110))
    assert "the last words" in shop.log("working").splitlines()
    project = shop.run("registry", "list", "--json", code=0).json["projects"][0]
    assert project["instances"][0]["status"] == "crashed"
    assert not shop.world.survivors()


@pytest.mark.parametrize("seed", range(6))
def test_fault_S1_supervisor_killed_at_a_random_moment_of_its_start(shop, seed):
    """The kill comes somewhere in the first tenth of a second: while it starts, is ready or stops."""
    shop.stack(STACK + """
    [service web]
    command = ACTOR --listen
    depends_on = db
    [service job]
    type = task
    command = ACTOR --exit 0
    depends_on = api
    """)
    rng = random.Random(seed)
    for _ in range(4):
        shop.detach()
        instance = shop.instance()
        if rng.random() < 0.3:
            shop.world.popen("down", cwd=shop.dir)
        end = time.monotonic() + rng.random() * 0.1
        while time.monotonic() < end:
            pass
        pids = descendants_of(instance["guardian_pid"]) + [instance["guardian_pid"]]
        try:
            os.kill(instance["pid"], signal.SIGKILL)
        except ProcessLookupError:
            pass
        nothing_left(pids)
        until(lambda: not shop.world.survivors())
        assert all(port_is_free(p) for p in range(30100, 30110))
    shop.up()


def test_fault_S2_guardian_killed_supervisor_stops_orderly(shop):
    shop.stack("""
        [service api]
        command = ACTOR --exit-on-term 0 --listen
    """)
    shop.up()
    instance, pids = all_pids(shop)
    os.kill(instance["guardian_pid"], signal.SIGKILL)
    nothing_left(pids)
    assert "got a signal to stop" in shop.log("api")
    assert re.search("api is down: .*guardian", shop.run("why", "api", code=0).out)
    shop.up()


@pytest.mark.parametrize("verb", ["up", "down", "status"])
def test_fault_S3_both_killed_the_next_command_cleans_up_and_says_so(shop, verb):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    for pid in (instance["guardian_pid"], instance["pid"]):
        os.kill(pid, signal.SIGSTOP)
    for pid in (instance["guardian_pid"], instance["pid"]):
        os.kill(pid, signal.SIGKILL)
    gone(instance["pid"])
    orphans = [p for p in pids if alive(p)]
    assert orphans, "the test wants survivors"
    result = shop.run(*(["up", "--wait"] if verb == "up" else [verb]), code=3 if verb == "status" else 0)
    assert not [p for p in orphans if alive(p)]
    said = result.err + result.out
    assert re.search("not stopped|without being stopped", said) and re.search("[1-9] process|leftover", said), result
    assert verb != "up" or "the supervisor ended" not in said, "it is another one that runs now"
    if verb != "up":
        assert not shop.world.survivors()


def test_fault_S3_a_stranger_with_the_same_variables_is_left_alone(shop):
    """Promise P3: the marker alone, with the pid of another instance's run, is no licence."""
    shop.stack(STACK)
    shop.up()
    stranger = subprocess.Popen(["/bin/sleep", "60"], env={"STACKUP_PROJECT": "shop", "STACKUP_INSTANCE": "1"})
    try:
        instance, pids = all_pids(shop)
        os.kill(instance["pid"], signal.SIGKILL)
        nothing_left(pids)
        shop.run("status")
        shop.up()
        shop.down()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_fault_S6_term_to_the_supervisor_stops_orderly(shop):
    shop.stack("""
        [service api]
        command = ACTOR --exit-on-term 0 --listen
        [service slow]
        command = ACTOR --wait-file never --listen
        slot = auto
    """)
    shop.detach()
    shop.wait_state("api", "ready")
    instance, pids = all_pids(shop)
    os.kill(instance["pid"], signal.SIGTERM)
    nothing_left(pids)
    assert "got a signal to stop" in shop.log("api")
    assert not list((shop.world.home / "run").rglob("*.sock"))
