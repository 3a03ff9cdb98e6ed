"""Faults B: restarts, readiness, dependencies, and opposite commands."""
import os
import pathlib
import re
import signal

import pytest
from control import Control, pace
from harness import STUCK_S, alive, command_line, gone, has_no_descendants, until


def test_who_never_listens_is_told_what_to_write(shop):
    """`app` is a name of slot 0."""
    shop.stack("""
        [service app]
        command = ACTOR
        ready.timeout = 4s
        restart = no
    """)
    said = shop.up(code=6).err
    assert "nothing listens on port 30100; where nothing ever will, write 'ready = started'" in said
    shop.stack("""
        [service app]
        command = ACTOR
        ready = started
    """)
    shop.up()


def test_fault_B1_crash_before_ready_dependents_wait(shop):
    shop.stack("""
        [service db]
        command = ACTOR --fail-first 3 count --listen
        restart.delay = 50ms
        [service api]
        command = ACTOR --write-file starts api --listen
        depends_on = db
    """)
    shop.up()
    assert shop.service("db")["restarts"] == 3
    assert len(shop.starts("starts")) == 1 and shop.service("api")["restarts"] == 0


def test_fault_B2_exit_0_before_ready_is_a_failed_start(shop):
    shop.stack("""
        [service api]
        command = ACTOR --exit 0
        slot = api
        restart.delay = 10ms
        restart.limit = 2 in 1m
    """)
    shop.run("up", "--wait", code=1)
    service = shop.service("api")
    assert service["state"] == "failed" and service["restarts"] == 2 and "code 0" in service["reason"]


def test_exit_0_after_ready_is_done_under_on_failure(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen --wait-file go --exit 0
    """)
    shop.up()
    shop.write("go", "")
    assert shop.wait_state("api", "done")["exit_code"] == 0


@pytest.mark.parametrize("rule,again", [("keep", False), ("restart", True)])
def test_fault_B3_crash_after_ready_dependents_by_rule(shop, rule, again):
    shop.stack(f"""
        [service db]
        command = ACTOR --listen
        restart.delay = 50ms
        [service api]
        command = ACTOR --listen
        depends_on = db
        on_dependency = {rule}
    """)
    shop.up()
    db, api = shop.pid("db"), shop.pid("api")
    events = shop.events()
    os.kill(db, signal.SIGKILL)
    events.event("exited", "db")
    events.event("ready", "db")
    if again:
        until(lambda: shop.pid("api") not in (api, None) and shop.state("api") == "ready")
        assert not alive(api)
    else:
        assert shop.pid("api") == api
    events.close()


def test_fault_B5_crash_while_dependents_start(shop):
    shop.stack("""
        [service db]
        command = ACTOR --listen
        restart.delay = 50ms
        [service api]
        command = ACTOR --wait-file go --listen
        depends_on = db
    """)
    shop.detach()
    shop.wait_state("api", "starting")
    os.kill(shop.pid("db"), signal.SIGKILL)
    until(lambda: shop.service("db")["restarts"] == 1)
    shop.write("go", "")
    shop.run("wait", "--timeout", "20", code=0)


def test_fault_B6_crash_during_stop_is_no_restart(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --exit-on-term 9
    """)
    shop.up()
    shop.run("stop", "calc", code=0)
    service = shop.service("calc")
    assert service["state"] == "down" and service["restarts"] == 0


@pytest.mark.parametrize("name", ["SEGV", "ABRT", "BUS", "FPE", "ILL", "KILL", "HUP", "QUIT", "USR1", "PIPE", "ALRM"])
def test_fault_B7_the_signal_is_named(shop, name):
    shop.stack(f"""
        [service calc]
        command = ACTOR --raise {name}
        restart = no
    """)
    shop.detach()
    service = shop.wait_state("calc", "failed")
    assert name in service["reason"] and service["signal"] in (name, "SIG" + name, getattr(signal, "SIG" + name).value)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_fault_B7_stopped_from_outside(shop, number):
    shop.stack("""
        [service calc]
        command = ACTOR
    """)
    shop.up()
    os.kill(shop.pid("calc"), number)
    service = shop.wait_state("calc", "down")
    assert "stopped from outside" in service["reason"] and service["restarts"] == 0


def test_stopped_from_outside_restarts_under_always(shop):
    shop.stack("""
        [service calc]
        command = ACTOR
        restart = always
        restart.delay = 10ms
    """)
    shop.up()
    os.kill(shop.pid("calc"), signal.SIGTERM)
    until(lambda: shop.service("calc")["restarts"] == 1)


def test_fault_B8_killed_from_outside_is_restarted(shop):
    shop.stack("""
        [service calc]
        command = ACTOR
    """)
    shop.up()
    before = shop.pid("calc")
    os.kill(before, signal.SIGKILL)
    service = until(lambda: (lambda s: s if s["restarts"] == 1 and s["state"] == "ready" else None)(shop.service("calc")))
    assert service["pid"] != before


def test_fault_B9_ready_then_immediate_exit(shop):
    shop.stack("""
        [service api]
        command = ACTOR --notify --exit 1
        ready = notify
        restart.delay = 10ms
        restart.limit = 3 in 1m
        [service page]
        command = ACTOR --write-file starts page
        depends_on = api
    """)
    shop.detach()
    shop.wait_state("api", "failed")
    kinds = [e["kind"] for e in shop.past_events() if e["service"] == "api"]
    assert kinds.count("exited") == 4 and kinds.count("restarting") == 3 and kinds[-1] == "failed"
    # Where it was seen ready for a moment somebody may have begun to build upon it; that is no restart.
    page = shop.wait_state("page", "failed", *(["ready"] if "ready" in kinds else []))
    assert page["restarts"] == 0 and len(shop.starts("starts")) <= kinds.count("ready")


def test_fault_B10_garbage_on_the_notify_socket(shop):
    shop.stack("""
        [service api]
        command = ACTOR --notify-text garbage --notify-text READY=0 --notify-text "READY=1x" --wait-file go --notify --notify
        ready = notify
    """)
    shop.detach()
    shop.wait_state("api", "starting")
    shop.write("go", "")
    shop.wait_state("api", "ready")
    assert len([e for e in shop.past_events() if e["kind"] == "ready"]) == 1


def test_fault_B11_never_ready_is_stopped_and_tried_again(shop):
    shop.stack("""
        [service api]
        command = ACTOR --write-file starts api --setsid-child
        slot = api
        ready.timeout = 300ms
        restart.delay = 10ms
        restart.limit = 2 in 1m
    """)
    shop.run("up", "--wait", code=6)
    assert len(shop.starts("starts")) == 3
    has_no_descendants(shop.instance()["pid"])
    service = shop.service("api")
    assert service["state"] == "failed" and "not ready within 300 ms" in service["reason"]
    cooled = [e["text"] for e in shop.past_events() if e["kind"] == "restarting"]
    assert len(cooled) == 2 and all("not ready within" in text for text in cooled)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_fault_B12_flapping_backs_off_and_ends(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --write-file starts calc --exit 1
        restart.delay = 50ms
        restart.max_delay = 400ms
        restart.limit = 6 in 5m
    """)
    shop.detach()
    supervisor = shop.instance()["pid"]
    shop.wait_state("calc", "failed")
    times = [t for _, _, t in shop.starts("starts")]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert len(times) == 7
    delays = delays_said(shop)
    counted = [e["text"] for e in shop.past_events() if e["kind"] == "restarting"]
    assert [f"({i} of 6)" in text for i, text in enumerate(counted, 1)] == [True] * 6
    for delay, expected in zip(delays, (50, 100, 200, 400, 400, 400)):
        assert expected * 0.75 <= delay <= expected * 1.25, delays
    assert all(gap >= delay / 1000 for gap, delay in zip(gaps, delays)), (gaps, delays)
    # By the default delays the same eleven starts take two and a half minutes.
    assert cpu_seconds(supervisor) * 11 / 7 / 150 < 0.01


def delays_said(shop):
    """Milliseconds of each "trying again in 98 ms (2 of 4)"."""
    said = (re.search(r"trying again in ([\d.]+) (ms|s)", e["text"]) for e in shop.past_events() if e["kind"] == "restarting")
    return [float(m[1]) * (1000 if m[2] == "s" else 1) for m in said]


@pytest.mark.parametrize("lives,grows", [(100, True), (1300, False)])
def test_fault_B13_B14_a_good_run_resets_the_back_off_a_shorter_one_does_not(shop, lives, grows):
    """Good is what stays ready for restart.reset; a crash just before it counts like any other."""
    shop.stack(f"""
        [service calc]
        command = ACTOR --wait {lives} --exit 1
        restart.delay = 40ms
        restart.max_delay = 10s
        restart.reset = 1s
        restart.limit = 4 in 5m
    """)
    shop.detach()
    shop.wait_state("calc", "failed", seconds=40)
    delays = delays_said(shop)
    assert len(delays) == 4
    for i, delay in enumerate(delays):
        expected = 40 * 2 ** i if grows else 40
        assert expected * 0.75 <= delay <= expected * 1.25, delays


def test_fault_B15_database_down_dependents_burn_no_restarts(shop):
    shop.stack("""
        [service db]
        command = ACTOR --wait-file go --listen
        restart.delay = 10ms
    """ + "".join(f"""
        [service s{i}]
        command = ACTOR --write-file starts s{i}
        depends_on = db""" for i in range(50)))
    shop.detach()
    shop.wait_state("db", "starting")
    os.kill(shop.pid("db"), signal.SIGKILL)
    until(lambda: shop.service("db")["restarts"] == 1)
    assert shop.starts("starts") == []
    shop.write("go", "")
    shop.run("wait", "--timeout", "40", code=0)
    assert all(s["restarts"] == 0 for s in shop.instance()["services"] if s["name"] != "db")
    assert len(shop.starts("starts")) == 50
    # How far they are spread is seen in virtual time (tests/sim).
    for i in (0, 7, 49):
        assert "has come back" in shop.run("why", f"s{i}", code=0).out


def test_fault_B18_five_hundred_services_in_a_chain_and_a_fan(shop):
    chain = "".join(f"""
        [service c{i}]
        command = ACTOR
        {f'depends_on = c{i - 1}' if i else ''}""" for i in range(200))
    fan = "".join(f"""
        [service f{i}]
        command = ACTOR
        depends_on = c199""" for i in range(100))
    shop.stack(chain + fan)
    shop.run("up", "--wait", code=0, timeout=120)
    assert len([s for s in shop.instance()["services"] if s["state"] == "ready"]) == 300
    shop.run("down", code=0, timeout=120)


def test_fault_B19_optional_dependency_that_failed(shop):
    shop.stack("""
        [service memo]
        command = ACTOR --exit 1
        slot = auto
        restart = no
        [service api]
        command = ACTOR --listen
        depends_on = memo:ready?
    """)
    shop.detach()
    shop.wait_state("api", "ready")
    assert [e for e in shop.past_events() if e["kind"] == "warning" and "memo" in e["text"]]


@pytest.mark.parametrize("script,words", [("--exit 4", "code 4"), ("--wait 60000", "not done within 1.0 s"), ("--raise KILL", "SIGKILL")])
def test_fault_B20_failed_task_fails_its_dependents_with_the_chain(shop, script, words):
    shop.stack(f"""
        [service migrate]
        type = task
        command = ACTOR {script}
        timeout = 1s
        [service calc]
        command = ACTOR
        depends_on = migrate
        [service page]
        command = ACTOR
        depends_on = calc
    """)
    result = shop.run("up", "--wait")
    assert result.code in (1, 6)
    services = {s["name"]: s for s in shop.instance()["services"]}
    assert services["migrate"]["state"] == "failed" and words in services["migrate"]["reason"]
    assert services["calc"]["state"] == "failed" and "migrate" in services["calc"]["reason"]
    # The one that failed is named, however long the way is; the way is in `why`.
    assert services["page"]["state"] == "failed" and "'migrate', which failed" in services["page"]["reason"]
    assert words in services["page"]["reason"] and "calc:ready" in shop.run("why", "page", code=0).out


def test_fault_B21_G13_last_command_wins(shop):
    shop.stack("""
        [service api]
        command = ACTOR --write-file starts api --term-delay 300 --wait-file go --listen
    """)
    shop.detach()
    shop.wait_state("api", "starting")
    until(lambda: shop.starts("starts"))
    assert shop.run("stop", "api").code == 0 and shop.state("api") == "down"
    shop.write("go", "")
    shop.run("start", "api", code=0)
    shop.wait_state("api", "ready")
    client, events = Control(shop), shop.events()
    # A start while it stops: the stop is over with that, and the service comes back.
    stop = client.ask("stop", services=["api"], wait=True)
    events.event("stopping", "api")
    start = client.ask("start", services=["api"], wait=True)
    assert client.answer(start)["ok"]
    assert "ok" in client.answer(stop)
    assert shop.state("api") == "ready" and len(shop.starts("starts")) == 3
    # Two restarts at once are one, and both are answered.
    first, second = (client.ask("restart", services=["api"], wait=True) for _ in range(2))
    assert client.answer(first)["ok"] and client.answer(second)["ok"]
    assert shop.state("api") == "ready" and len(shop.starts("starts")) == 4
    # A restart that is overtaken by a stop.
    restart = client.ask("restart", services=["api"], wait=True)
    stop = client.ask("stop", services=["api"], wait=True)
    assert client.answer(stop)["ok"] and "ok" in client.answer(restart)
    assert shop.state("api") == "down" and len(shop.starts("starts")) == 4
    client.close()
    events.close()


def running(shop):
    """Of all that were started as service calc; a number may be somebody else's by now."""
    return [pid for _, pid, _ in shop.starts("starts") if alive(pid) and "starts calc" in command_line(pid)]


def test_fault_B22_two_clients_give_opposite_commands(shop):
    """A hundred of each in a second, by two connections: all are answered, and one process is left."""
    shop.stack("""
        [service calc]
        command = ACTOR --write-file starts calc
    """)
    shop.up()
    clients = [Control(shop), Control(shop)]
    asked = []
    for _ in pace(100, 1):
        for client, verb in zip(clients, ("start", "stop")):
            asked.append((client, client.ask(verb, services=["calc"])))
        assert len(running(shop)) <= 1, "two processes of one service"
    answers = [client.answer(number) for client, number in asked]
    assert len(answers) == 200 and all("ok" in answer for answer in answers)
    for client in clients:
        assert not client.open
        client.close()
    shop.run("start", "calc", code=0)
    shop.wait_state("calc", "ready")
    assert running(shop) == [shop.pid("calc")], "two processes of one service"


def test_fault_B23_manual_start_of_a_failed_service_clears_its_counters(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --fail-first 3 count
        restart.delay = 10ms
        restart.limit = 2 in 5m
    """)
    shop.detach()
    shop.wait_state("calc", "failed")
    shop.run("start", "calc", code=0)
    assert shop.wait_state("calc", "ready")


def test_fault_B24_stop_takes_dependents_down_first_and_names_them(shop):
    shop.stack("""
        [service db]
        command = ACTOR --listen
        [service api]
        command = ACTOR --listen
        depends_on = db
    """)
    shop.up()
    result = shop.run("stop", "db", code=0)
    assert "api" in result.err + result.out
    down = [e["service"] for e in shop.past_events() if e["kind"] == "down"]
    assert down == ["api", "db"]
    shop.up()
    api = shop.pid("api")
    shop.run("stop", "db", "--no-deps", code=0)
    assert shop.state("db") == "down" and shop.pid("api") == api


def test_fault_B25_shutdown_is_in_reverse_and_branches_at_once(shop):
    shop.stack("""
        [service store]
        command = ACTOR
        [service one]
        command = ACTOR --term-delay 400
        depends_on = store
        [service two]
        command = ACTOR --term-delay 400
        depends_on = store
        [service page]
        command = ACTOR
        depends_on = one, two
    """)
    shop.up()
    result = shop.down()
    down = [e["service"] for e in shop.past_events() if e["kind"] == "down" and e["service"]]
    assert down[0] == "page" and down[-1] == "store" and set(down[1:3]) == {"one", "two"}
    assert result.seconds < STUCK_S
    times = {e["service"]: e["time"] for e in shop.past_events() if e["kind"] == "stopping"}
    finished = {e["service"]: e["time"] for e in shop.past_events() if e["kind"] == "down"}
    assert times["two"] < finished["one"] and times["one"] < finished["two"], "one after the other"


def test_fault_B28_daemonising_service_is_said(shop):
    shop.stack("""
        [service api]
        command = ACTOR --double-fork --exit 0
        slot = api
        restart.delay = 10ms
        restart.limit = 1 in 1m
        ready.timeout = 2s
    """)
    shop.run("up", "--wait")
    told = shop.service("api")["reason"] + shop.run("why", "api").out
    assert "background" in told or "daemon" in told or "behind" in told


def test_restart_with_dependents(shop):
    shop.stack("""
        [service db]
        command = ACTOR --listen
        [service api]
        command = ACTOR --listen
        depends_on = db
        [service web]
        command = ACTOR --listen
    """)
    shop.up()
    before = {s["name"]: s["pid"] for s in shop.instance()["services"]}
    shop.run("restart", "db", "--with-dependents", code=0)
    shop.run("wait", "--timeout", "20", code=0)
    after = {s["name"]: s["pid"] for s in shop.instance()["services"]}
    assert before["db"] != after["db"] and before["api"] != after["api"] and before["web"] == after["web"]


def test_restart_starts_what_is_needed_first(shop):
    shop.stack("""
        [service store]
        command = ACTOR
        [service page]
        command = ACTOR
        depends_on = store
    """)
    shop.up()
    shop.run("stop", "store", code=0)
    restarted = shop.run("restart", "page", "--timeout", "20", code=0)
    assert "'store' is started first: it is needed" in restarted.err
    assert shop.state("store") == shop.state("page") == "ready"

    shop.run("stop", "store", "--no-deps", code=0)
    store, page = shop.service("store")["state"], shop.pid("page")
    shop.run("restart", "page", "--no-deps", "--timeout", "20", code=0)
    assert shop.pid("page") != page and shop.state("store") == store == "down"


def test_a_failure_says_nothing_of_what_was_not_asked_for(shop):
    shop.stack("""
        [service store]
        command = ACTOR
        [service page]
        command = ACTOR --exit 3
        restart = no
        depends_on = store
        [service crash]
        command = ACTOR --exit 4
        restart = no
    """)
    shop.detach()
    shop.wait_state("crash", "failed")
    shop.wait_state("page", "failed")
    for verb in (["restart", "page"], ["start", "page"], ["wait", "page"]):
        told = shop.run(*verb, code=1)
        assert "service 'page' has failed" in told.err and "crash" not in told.err, told
    assert told.err.count("exited with code 3") == 1, told
    shop.run("restart", "store", code=0)
    assert "crash" not in shop.run("stop", "store", code=0).err


def test_wildcards_and_all(shop):
    shop.stack("""
        [service job-a]
        command = ACTOR
        [service job-b]
        command = ACTOR
        [service page]
        command = ACTOR
    """)
    shop.up()
    shop.run("stop", "job-*", code=0)
    assert [s["state"] for s in shop.instance()["services"]] == ["down", "down", "ready"]
    shop.run("start", code=0)
    shop.run("wait", "--timeout", "20", code=0)
    shop.run("stop", code=0)
    assert {s["state"] for s in shop.instance()["services"]} == {"down"}


def test_kill_verb_kills_at_once(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --ignore-term --setsid-child
        restart = no
    """)
    shop.up()
    pid = shop.pid("calc")
    shop.run("kill", "calc", code=0)
    gone(pid, 5)
