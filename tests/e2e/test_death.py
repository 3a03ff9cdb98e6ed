"""Faults S and promise P2: death of the supervisor, of the guardian, of both; hostile environments."""
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest
from control import Control, descriptors, descriptors_at_rest
from harness import (BIN, STUCK_S, World, alive, can_connect, children_of, descendants_of, gone, http_get,
                     listening_ports, port_is_free, process_state, squeeze, until)

STACK = """
    [defaults]
    stop.timeout = 500ms
    [service api]
    command = ACTOR --listen
    [service worker]
    command = ACTOR --ignore-term --double-fork --setsid-child
    [service db]
    command = ACTOR --wait 30 --listen
"""


def all_pids(shop):
    instance = shop.instance()
    return instance, [instance["pid"], instance["guardian_pid"]] + descendants_of(instance["pid"])


def nothing_left(pids, seconds=15):
    until(lambda: not [p for p in pids if alive(p)], seconds, "everything gone")


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


def test_fault_S10_stdout_closed_early(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --lines 5000
    """)
    shop.up()
    process = shop.world.popen("logs", "-f", "calc", cwd=shop.dir, stdout=-1, stderr=-1)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) in (0, 141, -signal.SIGPIPE)
    assert process.stderr.read() == b""
    assert shop.state("calc") == "ready"


def test_fault_S12_stale_socket_lock_and_rows_of_another_boot(shop):
    """The disk as a power cut left it: rows say that it runs, the lock file and the socket lie there."""
    shop.stack(STACK + """
    [service fixed]
    command = ACTOR --listen
    port = 8123
    """)
    shop.up()
    keep = shop.world.root / "keep"
    shutil.copytree(shop.world.home, keep, symlinks=True, ignore=lambda d, names: [n for n in names if n.endswith(".sock")])
    shop.down()
    shutil.rmtree(shop.world.home)
    shutil.copytree(keep, shop.world.home)
    changed = shop.world.ask_registry("UPDATE instances SET boot_id = 'another' WHERE status = 'running' RETURNING instance")
    assert changed == [(1,)], "the copy was to be one of a running instance"
    stale = socket.socket(socket.AF_UNIX)
    path = shop.world.home / "run" / "shop" / "1.sock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    stale.bind(str(path))
    stale.close()
    # Its lease of the fixed port holds nobody else up.
    other = shop.world.project("other")
    other.stack("[service api]\ncommand = ACTOR --listen\nport = 8123\n")
    other.up()
    assert other.port("api") == 8123
    other.down()
    shop.up()
    assert shop.port("api") == 30101 and shop.port("fixed") == 8123
    assert http_get(30101)


def test_fault_S14_frozen_for_a_while_restarts_nothing(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = http /
        health.interval = 100ms
        health.timeout = 300ms
        health.retries = 1
    """)
    shop.up()
    supervisor, api = shop.instance()["pid"], shop.pid("api")
    for _ in range(3):
        os.kill(supervisor, signal.SIGSTOP)
        os.kill(api, signal.SIGSTOP)
        until(lambda: "T" in pathlib.Path(f"/proc/{api}/stat").read_text().rsplit(")", 1)[1].split()[0])
        end = time.monotonic() + 1.5
        until(lambda: time.monotonic() > end)
        os.kill(api, signal.SIGCONT)
        os.kill(supervisor, signal.SIGCONT)
        shop.run("wait", "api:healthy", "--timeout", "10", code=0)
    assert shop.pid("api") == api and shop.service("api")["restarts"] == 0


def test_fault_S18_lock_of_a_dead_owner_is_taken_over(shop):
    shop.stack(STACK)
    for _ in range(3):
        shop.up()
        instance, pids = all_pids(shop)
        os.kill(instance["pid"], signal.SIGKILL)
        nothing_left(pids)
    shop.up()
    assert shop.instance()["base_port"] == 30100


def test_fault_S19_binary_replaced_or_deleted_while_running(shop):
    copy = shop.world.root / "stackup-copy"
    shutil.copy(BIN, copy)
    shop.stack(STACK)
    subprocess.run([copy, "up", "--wait"], cwd=shop.dir, env=shop.world.env, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    copy.unlink()
    api = shop.pid("api")
    os.kill(api, signal.SIGKILL)
    until(lambda: shop.service("api")["restarts"] == 1 and shop.state("api") == "ready")
    shop.down()


def frame(message):
    return struct.pack(">I", len(message)) + message


def test_fault_S20_other_protocol_version_is_said_and_down_works(shop):
    shop.stack(STACK)
    shop.up()
    path = str(shop.world.home / "run" / "shop" / "1.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(frame(b'{"stackup":99,"version":"99.0.0"}') + frame(b'{"id":1,"verb":"status"}'))
        answer = b""
        while True:
            data = s.recv(65536)
            if not data:
                break
            answer += data
            if b"another version" in answer:
                break
    assert b"another version" in answer and b"stackup down" in answer
    shop.down()


def test_fault_S20_down_of_another_version_is_obeyed(shop):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    client = Control(shop, greeting={"stackup": 99, "version": "99.0.0"})
    refused = client.answer(client.ask("restart", services=["api"]))
    assert not refused["ok"] and "version" in refused["error"]["text"]
    assert client.answer(client.ask("ping"))["pid"] == instance["pid"]
    assert client.answer(client.ask("down"))["ok"]
    client.close()
    nothing_left(pids)
    assert shop.instance()["state"] == "stopped"


def test_fault_S21_project_directory_renamed_while_running(shop):
    shop.stack(STACK)
    shop.up()
    moved = shop.dir.with_name("moved")
    shop.dir.rename(moved)
    assert http_get(30101)
    shop.world.run("-p", "shop", "status", code=0)
    shop.world.run("-p", "shop", "down", code=0)
    assert not shop.world.survivors()


def test_fault_S22_home_unset_or_unusable(shop):
    shop.stack(STACK)
    result = shop.run("status", env={"STACKUP_HOME": None, "HOME": None, "XDG_STATE_HOME": None, "XDG_RUNTIME_DIR": None})
    assert result.code in (0, 3, 4, 7), result
    if os.getuid() == 0:
        loose = shop.world.root / "loose"
        loose.mkdir()
        loose.chmod(0o777)
        os.chown(loose, 12345, 12345)
        result = shop.run("up", "-d", env={"XDG_RUNTIME_DIR": str(loose), "STACKUP_HOME": None,
                                           "HOME": str(shop.world.root / "user")})
        assert not list(loose.iterdir()), "nothing belongs into a runtime directory of somebody else"
        shop.run("down", env={"XDG_RUNTIME_DIR": str(loose), "STACKUP_HOME": None,
                              "HOME": str(shop.world.root / "user")})


def test_fault_S23_as_pid_1_of_a_container(shop):
    if os.getuid() != 0:
        pytest.skip("needs root for a pid namespace")
    shop.stack("""
        [service api]
        command = ACTOR --orphans 20 --exit-on-term 0 --listen
    """)
    process = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", BIN, "up"], cwd=shop.dir,
                               env=shop.world.env, stdin=subprocess.DEVNULL, stdout=-1, stderr=subprocess.STDOUT)
    shop.world.opened.append(process)
    until(lambda: can_connect(30101))
    until(lambda: "orphaned" in (shop.log_file("api").read_text() if shop.log_file("api").exists() else ""))
    inner, = children_of(process.pid)
    # What others leave behind in the container falls to its first process, which is ours.
    subprocess.run(["nsenter", "-t", str(inner), "-p", "sh", "-c", "for i in 1 2 3 4 5; do sleep 0.1 & done"], check=True)
    until(lambda: "Z" not in [process_state(pid) for pid in children_of(inner)] and len(children_of(inner)) == 1,
          what="orphans are reaped")
    os.kill(inner, signal.SIGTERM)
    assert process.wait(20) == 143
    assert 30101 not in listening_ports()
    assert "got a signal to stop" in shop.log_file("api").read_text()


def test_fault_S26_small_stack(shop):
    shop.stack(STACK)
    shop.run("up", "--wait", code=0,
             preexec=lambda: resource.setrlimit(resource.RLIMIT_STACK, (256 * 1024, 256 * 1024)))
    shop.run("status", code=0)


def test_fault_S28_signal_storm(shop):
    shop.stack(STACK)
    shop.up()
    instance = shop.instance()
    for _ in range(10000):
        os.kill(instance["pid"], signal.SIGCHLD)
    assert shop.run("status", code=0).seconds < STUCK_S
    assert shop.service("api")["restarts"] == 0


def test_fault_S30_G23_no_descriptor_left_when_clients_connect(shop):
    shop.stack(STACK)
    shop.up()
    supervisor = shop.instance()["pid"]
    before = squeeze(supervisor, descriptors_at_rest(shop))
    path = str(shop.world.home / "run" / "shop" / "1.sock")
    clients = []
    for _ in range(10):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(path)
        except BlockingIOError:
            pass
        clients.append(s)

    def ticks():
        words = pathlib.Path(f"/proc/{supervisor}/stat").read_text().rsplit(")", 1)[1].split()
        return int(words[11]) + int(words[12])
    first = ticks()
    end = time.monotonic() + 1
    until(lambda: time.monotonic() > end)
    assert ticks() - first < 50, "a busy loop"
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, before)
    for s in clients:
        s.close()
    assert shop.run("status", code=0, timeout=15).code == 0


def test_fault_G8_stale_socket_file_is_replaced(shop):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(pids)
    shop.up()
    shop.run("status", code=0)


def test_fault_G10_deleted_socket_comes_back_and_down_works(shop):
    shop.stack(STACK)
    shop.up()
    path = shop.world.home / "run" / "shop" / "1.sock"
    path.unlink()
    until(lambda: path.exists(), 6)
    until(lambda: shop.run("status").code == 0)
    path.unlink()
    shop.down()
    assert not shop.world.survivors()


def test_fault_G11_other_user_is_refused(shop):
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    shop.stack(STACK)
    shop.up()
    path = shop.world.home / "run" / "shop" / "1.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    for directory in [path.parent, path.parent.parent, shop.world.home]:
        assert directory.stat().st_mode & 0o777 == 0o700, directory
    for directory in [path, path.parent, path.parent.parent, shop.world.home]:
        directory.chmod(0o777)
    code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1]);"
            "print('connected', s.recv(10))")
    result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                             code, str(path)], capture_output=True, text=True)
    assert result.stdout == "connected b''\n", result
    assert shop.run("status", code=0)
    for directory in [shop.world.home, path.parent.parent, path.parent]:
        directory.chmod(0o700)


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", frame(b"{" * 1000), frame(b"[]"),
                                  frame(b'{"stackup":1,"version":"0.1.0"}') + frame(b'{"id":1}'),
                                  frame(b'{"stackup":1,"version":"0.1.0"}') + frame(b'{"id":1,"verb":"no-such"}'),
                                  frame(b"\0" * 100), b""])
def test_fault_G5_garbage_on_the_control_socket(shop, junk):
    shop.stack(STACK)
    shop.up()
    path = str(shop.world.home / "run" / "shop" / "1.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(path)
        s.sendall(junk)
        try:
            s.recv(65536)
        except (TimeoutError, ConnectionError):
            pass
    assert shop.run("status", code=0).seconds < STUCK_S


def test_fault_G1_many_idle_connections(shop):
    shop.stack(STACK)
    shop.up()
    path = str(shop.world.home / "run" / "shop" / "1.sock")
    clients = []
    for _ in range(500):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(path)
        except OSError:
            pass
        clients.append(s)
    assert shop.run("status", code=0, timeout=10).seconds < STUCK_S
    for s in clients:
        s.close()


def test_fault_G9_socket_path_longer_than_107_bytes(world):
    root = world.root
    deep = root / ("d" * 120)
    deep.mkdir()
    long = object.__new__(World)
    long.__dict__.update(world.__dict__)
    long.home = deep / "home"
    long.home.mkdir(mode=0o700)
    long.env = dict(world.env, STACKUP_HOME=str(long.home))
    shop = long.project("shop")
    shop.stack(STACK)
    try:
        shop.up()
        shop.run("status", code=0)
        shop.down()
    finally:
        long.finish()


def test_promise_P5_descriptors_return_to_base(shop):
    """After a hundred commands and restarts the supervisor holds what it held before."""
    shop.stack(STACK)
    shop.up()
    supervisor = shop.instance()["pid"]
    base = descriptors_at_rest(shop)
    for _ in range(15):
        shop.run("restart", "api", code=0)
        shop.run("status", code=0)
        shop.run("logs", "-n", "1", code=0)
    shop.wait_state("api", "ready")
    until(lambda: descriptors(supervisor) <= base)
