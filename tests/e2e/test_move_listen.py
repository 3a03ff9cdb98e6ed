"""`hold = listen`: the socket is passed on, so that no request is lost by a move or a restart."""
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest
from harness import alive, http_get, until
from moves import LISTEN, answers, pids


class Load:
    """Clients that ask one thing a connection, without a pause, and count what goes wrong."""

    def __init__(self, port, clients=4):
        self.port, self.answers, self.problems, self.over = port, {}, [], threading.Event()
        self.threads = [threading.Thread(target=self.ask) for _ in range(clients)]

    def ask(self):
        while not self.over.is_set():
            try:
                answer = http_get(self.port, timeout=20)
                self.answers[answer] = self.answers.get(answer, 0) + 1
            except OSError as error:
                self.problems.append(repr(error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_row_P9_no_request_is_lost_by_orderly_restarts(shop):
    shop.stack(LISTEN)
    shop.up()
    seen = {shop.pid("api")}
    with Load(30101) as load:
        for _ in range(5):
            shop.run("restart", "api", code=0)
            pid = shop.pid("api")
            assert pid not in seen
            seen.add(pid)
            until(lambda: f"api {pid}\n" in load.answers, what="the new process answers")
    assert load.problems == []


def test_row_P9_no_request_is_lost_by_moves(shop):
    shop.stack(LISTEN)
    shop.up()
    with Load(30101) as load:
        for port in (30108, 30101, 30109, 31555, 30101):
            shop.run("ports", "move", "api", str(port), "--grace", "20s", code=0)
            pid = shop.pid("api")
            until(lambda: f"api {pid}\n" in load.answers, what="the new process answers")
    assert load.problems == []


def test_a_restart_that_fails_leaves_the_old_one_serving(shop):
    shop.stack("""
        [service api]
        command = ./serve
        hold = listen
    """)
    shop.write("serve", f"#!/bin/sh\n[ -e broken ] && exit 3\nexec {os.environ.get('STACKUP_ACTOR', 'actor')} --listen-fd\n", 0o755)
    shop.up()
    pid = shop.pid("api")
    shop.write("broken", "")
    result = shop.run("restart", "api", code=6)
    assert "exited with code 3" in result.err
    assert shop.pid("api") == pid and http_get(30101) == f"api {pid}\n" and shop.state("api") == "ready"
    (shop.dir / "broken").unlink()
    shop.run("restart", "api", code=0)
    assert shop.pid("api") != pid and not alive(pid)


def test_the_new_process_itself_has_to_answer_its_health_check(shop):
    shop.stack("""
        [service api]
        command = ./serve
        hold = listen
        health = http /
        ready.timeout = 6s
        health.timeout = 3s
        health.interval = 500ms
    """)
    actor = os.environ.get("STACKUP_ACTOR", "actor")
    shop.write("serve", f"#!/bin/sh\n[ -e mute ] && exec {actor} --dump-env\nexec {actor} --listen-fd\n", 0o755)
    shop.up()
    pid = shop.pid("api")
    shop.write("mute", "")
    result = shop.run("restart", "api", code=6)
    assert "in time" in result.err or "not ready within" in result.err
    assert shop.pid("api") == pid and http_get(30101) == f"api {pid}\n"
    (shop.dir / "mute").unlink()
    shop.run("restart", "api", code=0)
    assert shop.pid("api") != pid and shop.service("api")["health"] == "healthy"


SHARED = """
    [service api]
    command = ./serve
    hold = listen
    health = http /
    ready.timeout = 1h
    {}
"""


def write_serve(project, file, options):
    """Once the file is there its next process has these options."""
    actor = os.environ.get("STACKUP_ACTOR", "actor")
    project.write("serve", f"#!/bin/sh\n[ -e {file} ] && exec {actor} {options} --listen-fd\nexec {actor} --listen-fd\n", 0o755)


def test_a_new_process_that_shares_its_socket_is_given_up_for_its_answers(shop):
    """Clients get them as well, so nobody waits until the time for its start is over."""
    shop.stack(SHARED.format(""))
    write_serve(shop, "broken", "--http-status 500")
    shop.up()
    pid = shop.pid("api")
    shop.write("broken", "")
    result = shop.run("restart", "api", code=6)
    assert "HTTP 500" in result.err and "health.start_period" in result.err
    assert shop.pid("api") == pid and http_get(30101) == f"api {pid}\n" and shop.state("api") == "ready"


def test_a_new_process_that_shares_its_socket_has_its_start_period(shop):
    shop.stack(SHARED.format("health.start_period = 1h"))
    write_serve(shop, "slow", f"--healthy-while {shop.dir}/warm")
    shop.up()
    pid = shop.pid("api")
    shop.write("slow", "")
    restart = shop.follow("restart", "api")
    until(lambda: not answers(30101), what="an answer of the new process")
    shop.write("warm", "")
    restart.rest()
    assert restart.process.wait() == 0 and shop.pid("api") != pid


def test_several_restarts_wait_for_each_other(shop):
    shop.stack(LISTEN + """
    [service web]
    command = ACTOR --graceful --listen-fd
    hold = listen
    depends_on = api
    on_dependency = restart
    """)
    shop.up()
    before = pids(shop)
    shop.run("restart", "api", "web", code=0)
    after = pids(shop)
    assert after["api"] != before["api"] and after["web"] != before["web"]
    shop.run("restart", "api", code=0)  # web follows
    assert pids(shop)["web"] != after["web"]
    shop.down()
    assert shop.world.survivors() == []


def test_a_reload_waits_for_a_restart(shop):
    shop.stack(LISTEN)
    shop.up()
    restarts = [shop.follow("restart", "api") for _ in range(3)]
    shop.stack(LISTEN + """
    [service more]
    command = ACTOR --listen
    slot = 7
    """)
    shop.up()
    for restart in restarts:
        restart.rest()
        assert restart.process.wait() == 0
    assert shop.state("more") == "ready" and http_get(30101).startswith("api ")


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed")
def test_row_P9_wrk_sees_no_failed_request(shop):
    """STACKUP_MOVES says how many moves and restarts each; by hand 100."""
    count = int(os.environ.get("STACKUP_MOVES", "4"))
    shop.stack(LISTEN)
    shop.up()
    wrk = subprocess.Popen(["wrk", "-t2", "-c16", "-d1h", "--timeout", "20s", "-H", "Connection: close",
                            "http://127.0.0.1:30101/"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for _ in range(count):
            shop.run("restart", "api", code=0)
        for i in range(count):
            shop.run("ports", "move", "api", "30101" if i % 2 else "30108", code=0)
    finally:
        wrk.send_signal(signal.SIGINT)
        out = wrk.communicate(timeout=60)[0].decode()
    print(out)
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    assert requests > 100 * count
    assert "Socket errors" not in out and "Non-2xx" not in out, out
