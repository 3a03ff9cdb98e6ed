"""Faults H: many checks at once, a check that is under way when its service ends or we were paused."""
import os
import pathlib
import re
import signal
import time

import pytest
from harness import until

HUB = f"/usr/bin/python3 {pathlib.Path(__file__).with_name('hub.py')}"


def hub_of(shop, name="hub"):
    """The hub's own log, as it comes."""
    return shop.follow("logs", "-f", name, "--no-prefix")


def test_fault_H12_two_hundred_checks_due_at_once(shop):
    """All become ready in one moment; at most 32 are asked at once, and later rounds are spread."""
    shop.stack(f"""
        [service hub]
        command = {HUB}
        slot = auto
        env.HOLD_MS = 200
    """ + "".join(f"""
        [service s{i}]
        command = /bin/sleep 1000
        depends_on = hub
        ready = started
        health = http http://127.0.0.1:${{hub.port}}/s{i}
        health.interval = 2s
        health.timeout = 20s""" for i in range(200)))
    shop.run("up", "-d", code=0)
    slowest = 0
    for i in range(0, 200, 20):
        shop.run("wait", f"s{i}:healthy", "--timeout", "60", code=0)
        slowest = max(slowest, shop.run("status", "--json").seconds)
    until(lambda: all(s["health"] == "healthy" for s in shop.instance()["services"] if s["name"] != "hub"), 60)
    until(lambda: len(re.findall("^asked ", shop.log("hub"), re.M)) > 700, 60)
    asked = [(path, float(at), int(now)) for path, at, now in re.findall(r"^asked (\S+) (\S+) (\d+)$", shop.log("hub"), re.M)]
    most = max(now for _, _, now in asked)
    assert 8 < most <= 32, most
    assert slowest < 3
    # A round of one service lies a tenth of its interval off, differently for each.
    times = {}
    for path, at, _ in asked:
        times.setdefault(path, []).append(at)
    pauses = [b - a for all_times in times.values() for a, b in zip(all_times, all_times[1:])]
    assert max(pauses) - min(pauses) > 0.1, "no jitter"
    assert not [e for e in shop.past_events() if e["kind"] == "unhealthy"]
    shop.run("down", code=0, timeout=90)


STACK = f"""
    [service hub]
    command = {HUB}
    slot = auto
    [service api]
    command = ACTOR
    depends_on = hub
    ready = started
    health = http http://127.0.0.1:${{hub.port}}/api
    health.interval = 50ms
    health.timeout = %s
    health.retries = 1
    health.action = alert
"""


def unhealthy(shop):
    return [e for e in shop.past_events() if e["kind"] == "unhealthy"]


@pytest.mark.parametrize("verb", ["stop", "restart", "kill"])
def test_fault_H17_a_check_under_way_ends_with_its_service(shop, verb):
    """The hub sees the connection end at the stop; what it would have said counts for nobody."""
    shop.stack(STACK % "60s")
    shop.up()
    hub = hub_of(shop)
    hub.wait_for("^held /api")
    shop.run(verb, "api", code=0)
    hub.wait_for("^gone /api")
    assert shop.state("api") in ("down", "ready", "starting") and not unhealthy(shop)
    if verb != "restart":
        assert shop.state("api") == "down"
        shop.run("start", "api", code=0)
    # The new start is asked for itself, and this answer counts.
    hub.wait_for("^held /api")
    assert shop.service("api")["health"] == "unknown"
    shop.write("answer", "200")
    hub.wait_for("^told /api 200")
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    assert not unhealthy(shop)
    hub.close()


def test_fault_B4_H17_a_crash_voids_the_answer_that_is_on_its_way(shop):
    """The service dies while its check waits; the bad answer belongs to the start before."""
    shop.stack((STACK % "60s").replace("health.action = alert", "restart.delay = 10ms"))
    shop.up()
    hub = hub_of(shop)
    hub.wait_for("^held /api")
    os.kill(shop.pid("api"), signal.SIGKILL)
    hub.wait_for("^gone /api")
    hub.wait_for("^held /api")
    shop.write("answer", "200")
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    assert shop.service("api")["restarts"] == 1 and not unhealthy(shop)
    hub.close()


ALTERNATES = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        status = 200 if Handler.asked % 2 else 503
        self.send_response(status)
        self.end_headers()
        print("told", status, flush=True)
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_fault_H9_good_and_bad_by_turns_is_no_change(shop):
    """Two failures in a row would be a change; one never is, however often it comes."""
    shop.write("alternates.py", ALTERNATES)
    shop.stack("""
        [service api]
        command = /usr/bin/python3 alternates.py
        health = http /
        health.interval = 50ms
        health.timeout = 10s
        health.retries = 2
    """)
    shop.up()
    pid = shop.pid("api")
    lines = shop.follow("logs", "-f", "api", "--no-prefix")
    for _ in range(20):
        lines.wait_for("^told 503")
    lines.close()
    service = shop.service("api")
    assert (service["pid"], service["restarts"], service["health"]) == (pid, 0, "healthy")
    assert [e["kind"] for e in shop.past_events() if e["service"] == "api"] == ["starting", "ready"]


def pause(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    until(lambda: pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end)


@pytest.mark.parametrize("timeout,seconds", [("300ms", 2), ("1s", 1.5), ("1s", 3)])
def test_fault_H19_a_pause_of_ours_is_no_time_out_of_theirs(shop, timeout, seconds):
    """The supervisor stands still past the deadline of a check: nothing is known, nothing happens."""
    shop.write("answer", "")
    shop.stack(STACK % timeout)
    shop.up()
    shop.run("wait", "api:healthy", code=0)
    supervisor = shop.instance()["pid"]
    hub = hub_of(shop)
    for _ in range(2):
        (shop.dir / "answer").unlink()
        hub.wait_for("^held /api")
        pause(supervisor, seconds)
        shop.write("answer", "")
        os.kill(supervisor, signal.SIGCONT)
        hub.wait_for("^asked /api")
        shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    assert not unhealthy(shop)
    # The same time without a pause is a verdict.
    (shop.dir / "answer").unlink()
    until(lambda: shop.service("api")["health"] == "unhealthy")
    hub.close()


CLOSES = """
import os, socket
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    listener.accept()[0].close()
    print("closed", flush=True)
"""


def test_fault_H24_a_listener_that_closes_at_once_is_there(shop):
    shop.write("closes.py", CLOSES)
    shop.stack("""
        [service api]
        command = /usr/bin/python3 closes.py
        health = tcp
        health.interval = 50ms
        health.retries = 1
    """)
    shop.up()
    asked = shop.follow("logs", "-f", "api", "--no-prefix")
    for _ in range(10):
        asked.wait_for("^closed$")
    asked.close()
    assert shop.service("api")["health"] == "healthy" and not unhealthy(shop)


def test_fault_H23_a_password_in_the_address_is_never_told(shop):
    """The check fails, so that everybody has something to say about it."""
    shop.stack("""
        [service api]
        command = ACTOR --healthy-while well --listen
        ready = port
        health = http http://ann:canary-4711@127.0.0.1:${port}/deep
        health.interval = 50ms
        health.retries = 1
        health.action = alert
    """)
    shop.write("well", "")
    shop.up()
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    (shop.dir / "well").unlink()
    shop.wait_state("api", "unhealthy")
    told = ""
    for args in (["status"], ["status", "--json"], ["why", "api"], ["events", "--json"], ["config"], ["config", "--json"],
                 ["up", "--dry-run"], ["check"], ["graph"], ["registry", "list", "--json"]):
        said = shop.run(*args)
        told += said.out + said.err
    assert "503" in told and "canary-4711" not in told
    for path in shop.world.home.rglob("*"):
        assert not path.is_file() or b"canary-4711" not in path.read_bytes(), path
