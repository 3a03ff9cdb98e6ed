"""Faults H6, H7: a check's host is a name, and the look-up hangs, fails, or finds one family only."""
import os
import time

import pytest
from harness import STUCK_S, until
from names import NameServer, seeing

RECORDER = """
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        os.write(1, f"asked {time.monotonic():.3f}\\n".encode())
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def server(world):
    if os.getuid() != 0:
        pytest.skip("needs root for a name server of its own")
    made = NameServer()
    made.start()
    yield made
    made.close()


def launch(shop, hosts="127.0.0.1 localhost\n::1 localhost\n"):
    resolver = shop.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:8 attempts:1\n")
    table = shop.write("hosts", hosts)
    shop.run("up", "--wait", code=0, preexec=seeing({"/etc/resolv.conf": resolver, "/etc/hosts": table}))


def checked(url, more=""):
    return f"""
        [service api]
        command = ACTOR --listen
        ready = port
        health = http {url}
        health.interval = 100ms
        health.timeout = 500ms
        health.retries = 2
        health.action = alert
        {more}
    """


def unhealthy_because(shop):
    return until(lambda: (lambda s: s["reason"] if s["health"] == "unhealthy" else None)(shop.service("api")))


def test_fault_H6_a_look_up_that_hangs_holds_nobody_up(shop, server):
    """The check fails at its own time-out; the others are asked meanwhile, and nothing waits for the end."""
    shop.write("recorder.py", RECORDER)
    shop.stack(checked("http://api.example:${port}/") + """
        [service web]
        command = /usr/bin/python3 recorder.py
        health = http /
        health.interval = 100ms
        health.timeout = 5s
    """)
    launch(shop)
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    server.mode = "hangs"
    began = time.monotonic()
    reason = unhealthy_because(shop)
    assert "no answer within 500 ms" in reason and time.monotonic() - began < 5, reason
    until(lambda: server.unanswered >= 10)
    slowest = max(shop.run("status", "--json", code=3).seconds for _ in range(10))
    assert slowest < 3
    lines = shop.follow("logs", "-f", "web", "--no-prefix")
    for _ in range(40):
        lines.wait_for("^asked")
    lines.close()
    times = [float(line.split()[1]) for line in shop.log("web").splitlines()]
    assert max(b - a for a, b in zip(times, times[1:])) < 3, "the loop stood still"
    assert shop.service("web")["health"] == "healthy"
    assert shop.run("restart", "api", code=0).seconds < STUCK_S
    assert shop.down().seconds < STUCK_S


def test_fault_H7_a_name_that_nobody_knows_any_more(shop, server):
    shop.stack(checked("http://api.example:${port}/"))
    launch(shop)
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    server.mode = "unknown"
    reason = unhealthy_because(shop)
    assert "api.example" in reason and "resolve" in reason, reason
    server.mode = "four"
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)


def test_fault_H7_the_name_means_the_other_family_now(shop, server):
    """The host is ::1 only and the service listens on 127.0.0.1: refused, and the sentence says where."""
    shop.stack(checked("http://api.example:${port}/"))
    launch(shop)
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    server.mode = "six"
    reason = unhealthy_because(shop)
    assert "refused" in reason and "::1" in reason and "30101" in reason, reason


@pytest.mark.parametrize("hosts", ["::1 localhost\n", "127.0.0.1 localhost\n", "# nothing\n"])
@pytest.mark.parametrize("bind", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("check", ["http /", "tcp"])
def test_fault_H7_localhost_is_both_families_whatever_the_table_says(shop, server, hosts, bind, check):
    shop.stack(f"""
        [service api]
        command = /usr/bin/python3 -m http.server ${{port}} --bind {bind}
        slot = auto
        health = {check}
        health.interval = 100ms
    """)
    launch(shop, hosts)
    assert shop.service("api")["health"] == "healthy"


def test_fault_H7_both_families_are_named_when_both_refuse(shop, server):
    """localhost on a port that is not the service's own, where somebody listened at first."""
    shop.stack("""
        [service hub]
        command = ACTOR --listen
        slot = auto
    """ + checked("http://localhost:${hub.port}/", "depends_on = hub"))
    launch(shop)
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    port = shop.port("hub")
    shop.run("stop", "hub", "--no-deps", code=0)
    reason = unhealthy_because(shop)
    assert "127.0.0.1" in reason and "::1" in reason and str(port) in reason, reason
