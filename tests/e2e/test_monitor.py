"""`ports monitor`: what it tells of services and strangers, when it is quiet, how it ends."""
import json
import os
import signal
import socket
import subprocess

import pytest
from harness import NOBODY, until
from holders import occupy

WEB = """
    [service api]
    command = ACTOR --listen
    [service frontend]
    command = ACTOR --listen
"""


def watch(shop, *args):
    """Follows from a moment on that is known: a stranger outside of all leases is its first line."""
    with occupy(30190):
        follower = shop.follow("ports", "monitor", "--json", "--interval", "0.1", *args)
        event(follower, "unleased", 30190)
    event(follower, "vanished", 30190)
    return follower


def event(follower, kind, port):
    def accepts(line):
        found = json.loads(line)
        return found["kind"] == kind and found["port"] == port
    return json.loads(follower.wait_for(accepts))


def test_row_S10_strangers_are_alerts(shop):
    shop.stack(WEB)
    shop.up()
    follower = watch(shop)
    with occupy(30101, "::1"):
        found = event(follower, "unexpected", 30101)
    assert found["alert"] and found["holder"]["pid"] == os.getpid() and found["before"] is None
    assert (found["project"], found["instance"], found["service"]) == ("shop", 1, "api")
    assert found["address"] == "::1" and str(os.getpid()) in found["text"] and found["time"].endswith("Z")
    assert not event(follower, "vanished", 30101)["alert"]
    with occupy(30155):
        found = event(follower, "unleased", 30155)
        assert found["alert"] and found["project"] is None
    sequence = [json.loads(line)["seq"] for line in follower.lines]
    assert sequence == list(range(1, len(sequence) + 1))


def test_row_S10_a_service_that_vanishes_is_an_alert(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        restart = no
    """)
    shop.up()
    follower = watch(shop)
    api = shop.pid("api")
    os.kill(api, signal.SIGKILL)
    found = event(follower, "vanished", 30101)
    assert found["alert"] and found["before"]["pid"] == api and found["holder"] is None
    shop.run("start", "api", code=0)
    found = event(follower, "appeared", 30101)
    assert not found["alert"] and found["holder"]["pid"] == shop.pid("api")


@pytest.mark.parametrize("how", [["stop", "api"], ["down"]])
def test_row_S10_a_service_that_is_stopped_is_none(shop, how):
    """Also while its lease stands: of one service, or the moment before the instance has ended."""
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service slow]
        command = ACTOR --term-delay 1000
    """)
    shop.up()
    follower = watch(shop)
    shop.run(*how, code=0)
    assert not event(follower, "vanished", 30101)["alert"]
    follower.process.send_signal(signal.SIGTERM)
    assert not [l for l in follower.rest() if json.loads(l)["alert"] and json.loads(l)["port"] != 30190]


def test_row_S10_a_port_passes_to_another_process(shop):
    """The same socket, inherited: first its first owner is told, then the one that is left."""
    shop.stack(WEB)
    shop.up()
    follower = watch(shop)
    mine = occupy(30190)
    child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=[mine.fileno()])
    try:
        assert event(follower, "unleased", 30190)["holder"]["pid"] == os.getpid()
        mine.close()
        found = event(follower, "changed", 30190)
        assert found["alert"] and found["before"]["pid"] == os.getpid() and found["holder"]["pid"] == child.pid
    finally:
        mine.close()
        child.communicate()
    event(follower, "vanished", 30190)


def test_row_S10_services_of_all_kinds_are_no_strangers(shop):
    """One that overwrites its marks, one with a socket that was passed on, a group on one port, UDP."""
    shop.write("group.py", """
import os, socket, time
def listen():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("127.0.0.1", int(os.environ["PORT"])))
    s.listen()
    return s
group = [listen(), listen()]
os.fork()
time.sleep(1000)
""")
    shop.write("udp.py", """
import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(os.environ["PORT"])))
print("here", flush=True)
s.recv(1)
""")
    shop.stack("""
        [service redis]
        command = redis-server --port ${port} --bind 127.0.0.1 --save ""
        [service passed]
        command = ACTOR --listen-fd
        hold = listen
        slot = 8
        [service group]
        command = /usr/bin/python3 group.py
        slot = 9
        [service names]
        command = /usr/bin/python3 udp.py
        slot = 5
        protocol = udp
        ready = log here
    """)
    shop.up()
    assert shop.run("ports", "monitor", "--once", "--json", code=0).out == ""
    follower = watch(shop)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::1", 30105))
        found = event(follower, "unexpected", 30105)
        assert found["protocol"] == "udp" and found["service"] == "names" and found["holder"]["pid"] == os.getpid()


def test_quiet_while_nothing_changes(shop):
    shop.stack(WEB)
    shop.up()
    result = shop.run("ports", "monitor", "--interval", "0.1", "--for", "1", code=0)
    assert result.out == "" and result.err == ""
    assert 1 <= result.seconds < 15


def test_once_is_5_with_an_alert(shop):
    shop.stack(WEB)
    assert "nothing unexpected" in shop.run("ports", "monitor", "--once", code=0).err
    shop.up()
    assert shop.run("ports", "monitor", "--once", "--json", code=0).out == ""
    with occupy(30101, "::1"):
        result = shop.run("ports", "monitor", "--once", code=5)
        assert "30101" in result.out and str(os.getpid()) in result.out and "\x1b" not in result.out
        assert shop.run("ports", "monitor", "--for", "0.3", "--interval", "0.1").code == 0
        assert shop.run("ports", "monitor", "--for", "0.3", "--interval", "0.1", "--ci").code == 5


@pytest.mark.parametrize("ci", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(shop, number, ci):
    shop.stack(WEB)
    shop.up()
    follower = watch(shop, *["--ci"][:ci])
    follower.process.send_signal(number)
    # The line it began with was an alert.
    assert follower.process.wait(10) == (5 if ci else 128 + number)


def test_limits_of_the_options(shop):
    shop.stack(WEB)
    for args in (["--interval", "0"], ["--interval", "0.01"], ["--interval", "2h"], ["--interval", "soon"],
                 ["--for", "-1"], ["extra"]):
        shop.run("ports", "monitor", *args, code=2)
    shop.run("ports", "list", "--once", code=2)


def test_nothing_is_bound_or_connected(shop):
    """Only looks: other programs' starts would fail beside a probe."""
    shop.stack(WEB)
    shop.up()
    trace = shop.dir / "trace"
    result = subprocess.run(["strace", "-f", "-qq", "-e", "trace=bind,connect,listen,ptrace,kill", "-o", str(trace),
                             os.environ["STACKUP_BIN"], "ports", "monitor", "--for", "0.5", "--interval", "0.1"],
                            env={**shop.world.env, "ASAN_OPTIONS": "detect_leaks=0"}, capture_output=True)
    if result.returncode:
        pytest.skip("strace may not trace here")
    assert [l for l in trace.read_text().splitlines() if "AF_INET" in l or "occupy(" in l or "kill(" in l] == []


def test_looks_keep_no_descriptors(shop):
    shop.stack(WEB)
    shop.up()
    follower = watch(shop)
    descriptors = f"/proc/{follower.process.pid}/fd"
    least = min(len(os.listdir(descriptors)) for _ in range(20))
    for port in range(30160, 30180):
        with occupy(port):
            event(follower, "unleased", port)
    until(lambda: len(os.listdir(descriptors)) <= least)


def test_listener_of_another_user(unprivileged):
    """Who cannot be looked at is told by his user, once, and stays the same."""
    shop = unprivileged.project("shop")
    shop.stack(WEB)
    shop.up()
    follower = watch(shop)
    with occupy(30101, "::1"):
        found = event(follower, "unexpected", 30101)
        assert found["holder"]["pid"] is None and found["holder"]["user"] == "root"
    event(follower, "vanished", 30101)
    assert len([l for l in follower.lines if json.loads(l)["port"] == 30101]) == 2
    assert unprivileged.uid == NOBODY
