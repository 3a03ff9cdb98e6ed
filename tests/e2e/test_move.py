"""A service gets another port while it runs."""
import contextlib
import os
import signal
import socket

import pytest
from harness import alive, can_connect, http_get, kill_both, listening_ports, port_is_free, squeeze, until
from moves import STACK, answers, pids, texts


def test_row_P9_a_port_moves_with_those_who_know_it(shop):
    shop.stack(STACK)
    shop.up()
    before = pids(shop)
    result = shop.run("ports", "move", "api", "30108", code=0)
    assert "moved from port 30101 to 30108" in result.err and "'web'" in result.err
    after = pids(shop)
    assert after["api"] != before["api"] and after["web"] != before["web"]
    assert after["page"] == before["page"] and after["other"] == before["other"]
    assert not alive(before["api"]) and alive(after["api"])
    assert shop.port("api") == 30108
    assert http_get(30108) == f"api {after['api']}\n"
    assert "env API=http://localhost:30108" in shop.log("web")
    assert shop.run("port", "api", code=0).out == "30108\n"
    assert shop.run("url", "api", code=0).out == "http://localhost:30108\n"
    assert "export API_PORT='30108'" in shop.run("env", "web", code=0).out
    assert "30108" in (shop.state_dir() / "ports.env").read_text()
    loud = [t for t in texts(shop, "port", "api") if "30101" in t and "30108" in t]
    assert len(loud) == 1
    assert shop.state("api") == "ready" and shop.service("api")["health"] == "healthy"
    assert [s["name"] for s in shop.instance()["services"]] == ["api", "web", "page", "other"]


def failing_elsewhere(port, rest="--listen"):
    """A command that does not start on any other port."""
    return f"sh -c 'test $PORT = {port} && exec ACTOR {rest} || exit 3'"


def test_what_fails_leaves_the_old_one_serving(shop):
    shop.stack(STACK.replace("command = ACTOR --listen\n    health", f"command = {failing_elsewhere(30101)}\n    health"))
    shop.up()
    before, serves = pids(shop), http_get(30101)
    result = shop.run("ports", "move", "api", "30108", code=6)
    assert "the new process of 'api'" in result.err and "exited with code 3" in result.err
    assert pids(shop) == before
    assert shop.port("api") == 30101 and http_get(30101) == serves
    assert "30108" not in (shop.state_dir() / "ports.env").read_text()
    assert any("not moved to port 30108" in t for t in texts(shop, "port", "api"))
    assert 30108 not in listening_ports() and not port_is_free(30108)  # a spare of the range again
    assert shop.run("ports", "move", "api", "30107", code=6)


def test_a_new_one_that_is_never_healthy_is_given_up(shop):
    shop.stack("""
        [service api]
        command = sh -c 'test $PORT = 30101 && exec ACTOR --listen; exec ACTOR --http-status 503 --listen'
        health = http /
        ready.timeout = 1s
        health.timeout = 500ms
    """)
    shop.up()
    pid = shop.pid("api")
    result = shop.run("ports", "move", "api", "30108", code=6)
    assert "503" in result.err
    assert shop.pid("api") == pid and shop.port("api") == 30101
    assert 30108 not in listening_ports()


def test_a_dependent_that_fails_turns_everything_back(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service first]
        command = ACTOR --dump-env --listen
        slot = 5
        depends_on = api
        [service second]
        command = sh -c 'test $API_PORT = 30101 && exec ACTOR --write-file starts second --listen || exit 4'
        slot = 6
        depends_on = api, first
    """)
    shop.up()
    before = pids(shop)
    result = shop.run("ports", "move", "api", "30108", code=6)
    assert "'second'" in result.err and "exited with code 4" in result.err
    assert shop.port("api") == 30101 and shop.pid("api") == before["api"]
    assert http_get(30101) == f"api {before['api']}\n"
    shop.run("wait", code=0)
    after = pids(shop)
    assert after["first"] != before["first"] and after["second"] != before["second"]
    dumps = [l for l in shop.log("first").splitlines() if l.startswith("env API_PORT=")]
    assert dumps == ["env API_PORT=30101", "env API_PORT=30108", "env API_PORT=30101"]
    assert [word for word, _, _ in shop.starts("starts")] == ["second", "second"]
    assert "30108" not in (shop.state_dir() / "ports.env").read_text()
    assert 30108 not in listening_ports()


def test_a_new_one_that_breaks_down_while_others_follow(shop):
    shop.stack("""
        [service api]
        command = sh -c 'test $PORT = 30101 && exec ACTOR --listen; exec ACTOR --listen --wait-file boom --exit 3'
        [service web]
        command = sh -c 'test $API_PORT = 30101 || touch boom; test $API_PORT = 30101 || sleep 60; exec ACTOR --listen'
        depends_on = api
    """)
    shop.up()
    pid = shop.pid("api")
    result = shop.run("ports", "move", "api", "30108", code=6)
    assert "the new process of 'api'" in result.err and "exited with code 3" in result.err
    shop.run("wait", code=0)
    assert shop.port("api") == 30101 and shop.pid("api") == pid and http_get(30101).startswith("api ")


def test_an_old_one_that_does_not_stop_is_killed(shop):
    shop.stack("""
        [service api]
        command = ACTOR --ignore-term --listen
        stop.timeout = 300ms
    """)
    shop.up()
    pid = shop.pid("api")
    shop.run("ports", "move", "api", "30108", code=0)
    assert not alive(pid) and shop.pid("api") != pid
    assert http_get(30101) == http_get(30108) == f"api {shop.pid('api')}\n"


LOCKED = """
    [service db]
    command = flock -n lock ACTOR --listen
    health = tcp
    move = stop-first
    [service api]
    command = ACTOR --dump-env --listen
    depends_on = db
"""


def test_what_cannot_run_twice_stops_first(shop):
    shop.stack(LOCKED)
    shop.up()
    before = pids(shop)
    shop.run("ports", "move", "db", "30109", code=0)
    after = pids(shop)
    assert shop.port("db") == 30109 and after["db"] != before["db"] and after["api"] != before["api"]
    assert http_get(30109).startswith("db ") and http_get(30102).startswith("db ")
    assert "env DB_PORT=30109" in shop.log("api")


def test_stop_first_goes_back_to_the_old_port(shop):
    shop.stack(LOCKED.replace("flock -n lock ACTOR --listen", failing_elsewhere(30102)))
    shop.up()
    before = pids(shop)
    result = shop.run("ports", "move", "db", "30109", code=6)
    assert "exited with code 3" in result.err
    shop.run("wait", code=0)
    assert shop.port("db") == 30102 and http_get(30102).startswith("db ")
    assert shop.pid("api") == before["api"]
    assert 30109 not in listening_ports()


@pytest.mark.parametrize("key", ["tty = yes", "port.admin = studio"])
def test_one_process_at_a_time_where_two_cannot_have_it(shop, key):
    shop.stack(f"""
        [service api]
        command = ACTOR --write-file starts api --listen
        {key}
    """)
    shop.up()
    shop.run("ports", "move", "api", "30108", code=0)
    assert shop.port("api") == 30108 and http_get(30108).startswith("api ")
    assert len(shop.starts("starts")) == 2


def listening_addresses(port):
    found = set()
    for name in ("tcp", "tcp6"):
        with open(f"/proc/net/{name}") as f:
            for line in f.readlines()[1:]:
                words = line.split()
                address, number = words[1].rsplit(":", 1)
                if words[3] == "0A" and int(number, 16) == port:
                    found.add(address)
    return found


def test_the_old_port_leads_to_the_new_one_for_a_while(shop):
    shop.stack(STACK)
    shop.up()
    where = listening_addresses(30101)
    result = shop.run("ports", "move", "api", "30108", "--grace", "3s", code=0)
    assert "30101 leads there for another 3" in result.err
    pid = shop.pid("api")
    assert http_get(30101) == http_get(30108) == f"api {pid}\n"
    assert listening_addresses(30101) == where  # nobody comes in who could not before
    until(lambda: 30101 not in listening_ports(), 10)
    assert not can_connect(30101) and not port_is_free(30101)
    assert http_get(30108) == f"api {pid}\n"


def was_closed(connection):
    try:
        return connection.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_more_connections_than_a_forward_can_have_are_closed_with_a_word(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    squeeze(supervisor, 300)
    shop.run("ports", "move", "api", "30108", "--grace", "1h", code=0)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", 30101))) for _ in range(40)]
        until(lambda: sum(map(was_closed, clients)) == 40 - 25)
        until(lambda: texts(shop, "warning"))
    assert len(texts(shop, "warning")) == 1 and "25 connections to 'api'" in texts(shop, "warning")[0]
    until(lambda: answers(30101), what="a place became free")


def test_grace_0_leads_nowhere(shop):
    shop.stack(STACK)
    shop.up()
    result = shop.run("ports", "move", "api", "30108", "--grace", "0", code=0)
    assert "leads" not in result.err
    assert not can_connect(30101) and not port_is_free(30101)


def test_forwards_follow_further_moves_and_end_at_home(shop):
    shop.stack(STACK)
    shop.up()
    shop.run("ports", "move", "api", "30108", code=0)
    shop.run("ports", "move", "api", "30109", code=0)
    pid = shop.pid("api")
    assert http_get(30101) == http_get(30108) == http_get(30109) == f"api {pid}\n"
    shop.run("ports", "move", "api", "30101", code=0)
    pid = shop.pid("api")
    assert http_get(30101) == http_get(30108) == http_get(30109) == f"api {pid}\n"
    events = [e for e in shop.past_events() if e["kind"] == "warning"]
    assert events == []


def test_a_move_outside_of_the_range_gives_the_port_back(shop):
    shop.stack(STACK)
    shop.up()
    shop.run("ports", "move", "api", "31555", "--grace", "0", code=0)
    assert http_get(31555).startswith("api ")
    shop.run("ports", "move", "api", "30101", "--grace", "0", code=0)
    assert http_get(30101).startswith("api ")
    assert port_is_free(31555)


def test_what_cannot_move_says_why(shop):
    shop.stack(STACK + """
    [service fixed]
    command = ACTOR --listen
    slot = 7
    immutable = yes
    [service silent]
    command = ACTOR --dump-env
""")
    shop.up()
    before = pids(shop)
    stranger = socket.create_server(("127.0.0.1", 31444))
    with stranger:
        for args, code, says in [
            (("api", "30101"), 2, "has port 30101 already"),
            (("api", "30105"), 5, "belongs to service 'page'"),
            (("api", "31444"), 5, f"pid {os.getpid()}"),
            (("fixed", "30108"), 1, "immutable"),
            (("silent", "30108"), 2, "no port"),
            (("ap", "30108"), 4, "did you mean 'api'"),
            (("api", "0"), 2, "1 to 65535"),
            (("api", "30108", "--grace", "soon"), 2, "--grace"),
        ]:
            result = shop.run("ports", "move", *args, code=code)
            assert says in result.err, result
    assert pids(shop) == before
    shop.down()
    shop.run("ports", "move", "api", "30108", code=4)


def test_a_service_that_is_down_gets_its_port_for_the_next_start(shop):
    shop.stack(STACK)
    shop.up()
    shop.run("stop", "--no-deps", "api", code=0)
    shop.run("ports", "move", "api", "30108", code=0)
    assert shop.state("api") == "down" and shop.port("api") == 30108
    assert shop.state("web") == "blocked"
    shop.run("start", "api", code=0)
    shop.run("wait", code=0)
    assert "env API=http://localhost:30108" in shop.log("web")
    assert http_get(30108).startswith("api ") and 30101 not in listening_ports()


@pytest.mark.parametrize("port", [30108, 31555])
def test_invariant_I10_a_move_stays_until_down(shop, port):
    shop.stack(STACK)
    shop.up()
    shop.run("ports", "move", "api", str(port), "--grace", "0", code=0)
    shop.up()  # converges: nothing flaps back
    assert shop.port("api") == port
    kill_both(shop)
    shop.up()
    assert shop.port("api") == port and http_get(port).startswith("api ")
    assert "30101" not in [str(p) for s in shop.instance()["services"] for p in s["ports"].values()]
    shop.down()
    shop.up()
    assert shop.port("api") == 30101


SLOW = """
    [service api]
    command = sh -c 'test $PORT = 30101 && exec ACTOR --listen; exec ACTOR --wait-file go --listen'
    [service web]
    command = ACTOR --listen
    depends_on = api
"""


def begin_slow_move(shop):
    """A move whose new process waits for the file `go`. The follower of the command, and the pids."""
    shop.stack(SLOW)
    shop.up()
    before = pids(shop)
    events = shop.events()
    mover = shop.follow("ports", "move", "api", "30108")
    events.wait_for("second process: started as process")
    events.close()
    return mover, before


def test_row_P9_a_supervisor_killed_in_the_middle_is_repaired_by_the_next_up(shop):
    mover, before = begin_slow_move(shop)
    kill_both(shop)
    mover.rest()
    mover.close()
    shop.up()
    assert shop.port("api") == 30101 and http_get(30101).startswith("api ")
    assert 30108 not in listening_ports()
    assert not alive(before["api"])
    shop.write("go", "")
    shop.run("ports", "move", "api", "30108", code=0)
    assert shop.port("api") == 30108


def test_stop_in_the_middle_wins(shop):
    mover, before = begin_slow_move(shop)
    shop.run("stop", "api", code=0)
    assert any("not moved" in line or "asked 'api' to stop" in line for line in mover.rest())
    assert mover.process.wait() == 1
    assert shop.state("api") == "down" and shop.port("api") == 30101
    assert 30108 not in listening_ports() and not alive(before["api"])


def test_down_in_the_middle_leaves_nothing(shop):
    mover, _ = begin_slow_move(shop)
    shop.down()
    mover.rest()
    assert mover.process.wait() == 1
    assert shop.world.survivors() == [] and port_is_free(30108) and port_is_free(30101)


def test_a_crash_of_the_old_one_in_the_middle_is_mended(shop):
    mover, before = begin_slow_move(shop)
    os.kill(before["api"], signal.SIGKILL)
    until(lambda: shop.state("api") == "ready" and shop.pid("api") not in (None, before["api"]))
    assert http_get(30101).startswith("api ")
    shop.write("go", "")
    mover.rest()
    assert mover.process.wait() == 0
    assert shop.port("api") == 30108 and http_get(30108).startswith("api ")


def test_a_second_move_waits_for_the_first(shop):
    mover, _ = begin_slow_move(shop)
    second = shop.follow("ports", "move", "web", "30107")
    shop.run("up", "-d", code=1)
    shop.write("go", "")
    mover.rest(), second.rest()
    assert mover.process.wait() == 0 and second.process.wait() == 0
    assert shop.port("api") == 30108 and shop.port("web") == 30107


def test_what_the_old_one_left_behind_goes_with_it(shop):
    shop.stack("""
        [service api]
        command = ACTOR --setsid-child --double-fork --listen
    """)
    shop.up()
    old = {int(l.split()[1]) for l in shop.log("api").splitlines() if l.startswith(("setsid-child", "grandchild"))}
    assert len(old) == 2
    shop.run("ports", "move", "api", "30108", code=0)
    new = {int(l.split()[1]) for l in shop.log("api").splitlines()
           if l.startswith(("setsid-child", "grandchild"))} - old
    assert not any(alive(p) for p in old) and all(alive(p) for p in new) and len(new) == 2


def test_why_knows_the_past_of_both_processes(shop):
    shop.stack(STACK)
    shop.up()
    shop.run("ports", "move", "api", "30108", code=0)
    why = shop.run("why", "api", "--json", code=0).json
    reasons = [t["text"] for t in why["transitions"]]
    assert sum("started as process" in r for r in reasons) == 2, reasons
    assert any("process" in t for t in texts(shop, "handover", "api"))
    assert any("has taken over from" in t for t in texts(shop, "ready", "api"))


def test_a_move_is_told_where_people_look(shop):
    shop.stack(STACK)
    front = shop.follow("up")
    until(lambda: shop.run("wait").code == 0)
    moved = shop.run("ports", "move", "api", "30108", "--json", "--grace", "1.5s", code=0).json
    assert moved == {"version": 1, "service": "api", "from": 30101, "to": 30108, "restarted": ["web"],
                     "grace_ms": 1500}
    front.wait_for("api: moved from port 30101 to 30108")
    history = shop.run("ports", "history", "api", code=0).out
    assert "30108" in history and "moved" in history
    assert "30108" in shop.run("ports", "list", code=0).out
    shop.down()
    front.rest()
