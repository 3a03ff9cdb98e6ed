"""Faults S: what a supervisor lives through: a closed output, another boot, a freeze, another version, no descriptors."""
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import time

import pytest
from control import Control, descriptors_at_rest
from deaths import STACK, all_pids, frame, nothing_left
from harness import (BIN, STUCK_S, can_connect, children_of, http_get, listening_ports, process_state, squeeze, until)


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
