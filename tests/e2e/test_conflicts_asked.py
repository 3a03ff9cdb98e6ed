"""Conflicts of a launch: `on_conflict = ask`, emergency ports, TIME_WAIT."""
import signal

import pytest
from conflicts import API, STRATEGIES, audited, rows
from harness import until
from holders import leave_behind, leave_time_wait


# ---- on_conflict = ask --------------------------------------------------------------------------

ASK = """
    [service api]
    command = ACTOR --listen
    on_conflict = ask
"""


def asked(shop, *options, env=None):
    terminal = shop.terminal("up", "-d", *options, env=env)
    terminal.wait_for(r"what now\? ")
    return terminal


def test_ask_stop_it(shop, holder):
    shop.stack(ASK)
    server = holder(30101)
    terminal = asked(shop)
    for word in (b"stop it", b"use port", b"change", b"give up", str(server.pid).encode()):
        assert word in terminal.output
    assert server.untouched()
    terminal.type("s\n")
    assert terminal.wait() == 0 and signal.SIGTERM in server.ended()
    shop.wait_state("api", "ready")
    assert shop.port("api") == 30101
    assert [action for action, _, _ in audited(shop.world)] == ["SIGTERM"]


def test_ask_use_another_port(shop, holder):
    shop.stack(ASK)
    server, other = holder(30101), holder(30555)
    terminal = asked(shop)
    at = len(terminal.output)
    for word in ("nonsense", "2"):
        terminal.type(word + "\n")
        at = terminal.wait_for("type one of the letters, or the number of a port", start=at)
        at = terminal.wait_for(r"what now\? ", start=at)
    terminal.type("30555\n")
    at = terminal.wait_for("cannot be had", start=at)
    terminal.wait_for(r"what now\? ", start=at)
    terminal.type("30556\n")
    assert terminal.wait() == 0 and server.untouched() and other.untouched()
    shop.wait_state("api", "ready")
    assert shop.port("api") == 30556
    assert "30556" in (shop.state_dir() / "ports.env").read_text()


def test_ask_take_what_is_offered(shop, holder):
    shop.stack(ASK)
    server = holder(30101)
    terminal = asked(shop)
    terminal.type("p\n")
    assert terminal.wait() == 0 and server.untouched()
    assert shop.port("api") in range(30100, 30110) and shop.port("api") != 30101


def test_ask_give_up(shop, holder):
    shop.stack(ASK)
    server = holder(30101)
    for answer in ("g\n", "\x04"):
        terminal = asked(shop)
        terminal.type(answer)
        assert terminal.wait() == 5 and server.untouched()
    assert not shop.world.survivors()


def test_ask_change_the_file(shop, holder):
    shop.stack(ASK)
    server = holder(30101)
    editor = shop.write("editor", "#!/bin/sh\necho 'slot = 6' >> \"$1\"\n", 0o755)
    terminal = asked(shop, env={"EDITOR": str(editor)})
    terminal.type("e\n")
    assert terminal.wait() == 0 and server.untouched()
    shop.wait_state("api", "ready")
    assert shop.port("api") == 30106
    shop.down()
    shop.stack(ASK)
    terminal = asked(shop, env={"EDITOR": None, "VISUAL": None})
    terminal.type("e\n")
    assert terminal.wait() == 5 and b"line 1 of" in terminal.output


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ask_without_a_terminal_goes_by_strategy(shop, holder, strategy):
    shop.stack(ASK)
    server = holder(30101)
    shop.up("--strategy", strategy)
    assert (shop.port("api") == 30101) == (strategy == "aggressive")
    assert server.untouched() == (strategy != "aggressive")


def test_ask_is_no_question_while_leftovers_are_in_the_way(shop):
    shop.stack(ASK)
    shop.up()
    leave_behind(shop)
    terminal = shop.terminal("up", "-d")
    assert terminal.wait() == 0 and b"what now" not in terminal.output


def test_who_was_shown_is_who_is_stopped(shop, holder):
    """Between the question and the answer the port changes hands: the newcomer is asked about anew."""
    shop.stack(ASK)
    first = holder(30101)
    terminal = asked(shop)
    first.close()
    second = holder(30101, kind="stubborn")
    at = len(terminal.output)
    terminal.type("s\n")
    terminal.wait_for("changed hands|" + str(second.pid), start=at)
    assert terminal.wait() == 5 and second.untouched()


# ---- emergency ports ----------------------------------------------------------------------------

def test_row_P4_an_emergency_port_is_an_incident_with_a_planned_reassignment(shop, holder):
    shop.stack("""
        [ports]
        emergency = 41000-41003
        [service api]
        command = ACTOR --listen
        port = 8000
        range = 8000-8001
    """)
    one, two, taken = holder(8000), holder(8001), holder(41000)
    said = shop.up()
    assert shop.port("api") == 41001 and "41001" in said.err and "emergency" in said.err
    [(kind, text)] = rows(shop.world, "SELECT kind, text FROM incidents")
    assert kind == "emergency_port" and "41001" in text and "8000" in text
    [plan] = rows(shop.world, "SELECT service, port, planned_port FROM reassignments")
    assert plan == ("api", 41001, 8000)
    assert one.untouched() and two.untouched() and taken.untouched()
    shop.down()
    one.close()
    shop.run("ports", "resolve", code=0)
    assert not rows(shop.world, "SELECT * FROM reassignments")
    assert [kind for kind, in rows(shop.world, "SELECT kind FROM incidents ORDER BY id")] == [
        "emergency_port", "emergency_port_left"]
    shop.up()
    assert shop.port("api") == 8000


@pytest.mark.parametrize("free", [30101, 30104])
def test_row_P4_resolve_brings_a_running_service_home_or_near_it(shop, holder, free):
    """The planned reassignment is carried out while it runs: by the port it is meant to have, or a slot."""
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service worker]
        command = ACTOR --write-file starts worker
        depends_on = api
        env.API = ${api.port}
    """)
    held = {port: holder(port) for port in range(30100, 30110)}
    shop.up()
    assert shop.port("api") == 40000
    planned = shop.run("ports", "resolve", "--dry-run", code=0).out
    assert "40000" in planned and "30101" in planned
    nothing = shop.run("ports", "resolve", code=5)
    assert str(held[30101].pid) in nothing.err and shop.port("api") == 40000
    held[free].close()
    said = shop.run("ports", "resolve", code=0)
    assert str(free) in said.err and shop.port("api") == free
    assert f"API_PORT={free}" in (shop.state_dir() / "ports.env").read_text()
    assert not rows(shop.world, "SELECT * FROM reassignments")
    assert [kind for kind, in rows(shop.world, "SELECT kind FROM incidents ORDER BY id")] == [
        "emergency_port", "emergency_port_left"]
    assert all(each.untouched() for port, each in held.items() if port != free)
    assert "nothing is in the way" in shop.run("ports", "resolve", code=0).err


def test_row_P4_the_next_start_leaves_the_emergency_port_by_itself(shop, holder):
    shop.stack(API)
    held = [holder(port) for port in range(30100, 30110)]
    shop.up()
    assert shop.port("api") == 40000
    shop.down()
    for each in held:
        assert each.untouched()
        each.close()
    shop.up()
    assert shop.port("api") == 30101 and not rows(shop.world, "SELECT * FROM reassignments")


def test_row_P4_a_further_port_leaves_its_emergency_port_at_the_next_start(shop, holder):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        port.admin = 4
    """)
    held = [holder(port) for port in range(30100, 30110) if port != 30101]
    shop.up()
    assert shop.service("api")["ports"] == {"main": 30101, "admin": 40000}
    for each in held:
        each.close()
    assert "port.admin moves to 30104 at the next start" in shop.run("ports", "resolve", "--dry-run", code=0).out
    assert "only main ports move while the service runs" in shop.run("ports", "resolve", code=5).err
    shop.down()
    shop.up()
    assert shop.service("api")["ports"] == {"main": 30101, "admin": 30104}


def test_without_any_place_the_start_fails(shop, holder):
    shop.stack("""
        [ports]
        emergency = 41000-41000
        [service api]
        command = ACTOR --listen
        port = 8000
        range = 8000-8000
    """)
    held = [holder(8000), holder(41000)]
    result = shop.run("up", "-d", code=5)
    assert "no port is left" in result.err and all(each.untouched() for each in held)


# ---- TIME_WAIT ----------------------------------------------------------------------------------

@pytest.mark.parametrize("strategy", STRATEGIES)
def test_row_P6_time_wait_moves_who_can_move(shop, strategy):
    shop.stack(API)
    leave_time_wait(30101)
    said = shop.up("--strategy", strategy)
    assert shop.port("api") != 30101 and "TIME_WAIT" in said.err


def test_row_P6_a_conservative_launch_does_not_wait_a_minute(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        immutable = yes
    """)
    leave_time_wait(30101)
    result = shop.run("up", "-d", "--strategy", "conservative", code=5)
    assert "TIME_WAIT" in result.err and result.seconds < 20


def test_a_launch_that_waits_ends_with_its_terminal(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        immutable = yes
    """)
    leave_time_wait(30101)
    terminal = shop.terminal("up")
    terminal.wait_for("waiting for it")
    terminal.type("\x03")
    terminal.wait()
    until(lambda: not shop.world.survivors(), 10, "nothing of the launch left")


def test_fault_F20_time_wait_is_waited_for_where_nothing_may_move(shop):
    """As long as the kernel keeps it, one minute: the slowest test here, and the only honest one."""
    shop.stack("""
        [service api]
        command = ACTOR --listen
        immutable = yes
    """)
    leave_time_wait(30101)
    follower = shop.follow("up", "-d")
    follower.wait_for("TIME_WAIT.*waiting for it", 20)
    rest = follower.rest(80)
    assert follower.process.wait(10) == 0, rest
    shop.wait_state("api", "ready")
    assert shop.port("api") == 30101
