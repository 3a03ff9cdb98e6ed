"""`registry report`: what launches left behind, and how the ports of the machine are used."""
import os
import re
import signal
import sqlite3

from harness import SOURCE, STUCK_S, gone, until
from holders import occupy

STACK = "[service api]\ncommand = ACTOR --listen\n[service web]\ncommand = ACTOR --listen\n"
FIGURES = {"version", "since", "active_ports", "leased_ports", "moved_ports", "conflicts_now", "projects", "instances",
           "launches", "registry", "blocks_owned", "blocks_left", "blocks", "months", "busiest", "idle",
           "conflicting_ports", "incidents"}


def report(shop, *args):
    found = shop.run("registry", "report", "--json", *args, code=0).json
    assert set(found) == FIGURES
    return found


def test_row_R6_the_report_of_an_empty_registry(shop):
    found = report(shop)
    assert found["launches"] == {"count": 0, "without_conflict": 0, "failed": 0, "success_percent": None,
                                 "assign_ms_median": 0.0, "assign_ms_p99": 0.0}
    assert found["registry"]["accuracy"] == 100.0 and found["blocks"] == [] and found["blocks_left"] > 300
    assert "0 tracked" in shop.run("registry", "report", code=0).out and not (shop.world.home / "registry.db").exists()


def test_row_R6_launches_conflicts_and_use(shop):
    shop.stack(STACK)
    shop.up()
    shop.up()
    shop.down()
    with occupy(30101):
        shop.up()
        moved = shop.port("api")
        now = report(shop)
        assert now["moved_ports"] == 1 and now["active_ports"] == now["leased_ports"] == 2
        shop.down()
        shop.up("--strict-ports", code=5)
    shop.up("-i", "3")
    found = report(shop)
    launches = found["launches"]
    assert (launches["count"], launches["without_conflict"], launches["failed"]) == (4, 2, 1)
    assert launches["success_percent"] == 50.0
    assert 0 < launches["assign_ms_median"] <= launches["assign_ms_p99"]
    month, = found["months"]
    assert (month["launches"], month["conflicts"], month["success_percent"]) == (4, 2, 50.0)
    assert month["conflicts_per_launch"] == 0.5
    port, = found["conflicting_ports"]
    assert (port["port"], port["conflicts"]) == (30101, 2) and moved != 30101 and port["last_holder"]
    assert [(b["instance"], b["launches"], b["active_ports"]) for b in found["busiest"]] == [(1, 3, 0), (3, 1, 2)]
    block, = found["blocks"]
    assert block == {"block": 1, "base_port": 30100, "project": "shop", "instances": 2, "running": 1, "active_ports": 2}
    assert found["blocks_owned"] == 1 and found["projects"] == {
        "total": 1, "active": 1, "reserved": 0, "legacy": 0, "archived": 0}
    assert found["instances"] == {"total": 2, "running": 1, "idle": 0}
    assert report(shop, "--since", "2999-01-01")["launches"]["count"] == 0


def test_a_registry_of_the_first_version_is_only_read(shop):
    database = shop.world.home / "registry.db"
    with sqlite3.connect(database) as db:
        db.executescript((SOURCE / "supervisor/registry/schema.sql").read_text() + "; PRAGMA user_version = 1")
    db.close()
    database.chmod(0o600)
    assert report(shop)["launches"]["count"] == 0
    assert shop.run("registry", "verify", "--json", code=0).json["examined"] == 0
    assert shop.run("registry", "gc", "--dry-run", "--json", code=0).json["removed"] == []
    with sqlite3.connect(database) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
    db.close()


def test_a_changed_file_and_a_resolve_are_no_launches(shop):
    shop.stack(STACK)
    shop.up()
    shop.stack(STACK + "[service more]\ncommand = ACTOR --listen\nslot = auto\n")
    shop.up()
    shop.down()
    with occupy(30101):
        shop.run("ports", "resolve", "--move", "-y", code=0)
    assert report(shop)["launches"]["count"] == 1


def test_an_optional_service_without_its_port_is_a_conflict_of_a_launch_that_succeeded(shop):
    shop.stack(STACK.replace("[service web]", "optional = yes\non_conflict = fail\n[service web]"))
    with occupy(30101):
        shop.detach()
        launches = report(shop)["launches"]
        assert (launches["count"], launches["without_conflict"], launches["failed"]) == (1, 0, 0)


def test_a_stranger_in_the_place_of_a_service_is_a_conflict_now(shop):
    shop.stack("[service api]\ncommand = ACTOR --write-file begun yes --wait-file go --listen\nhold = no\n")
    shop.detach()
    until(lambda: shop.starts("begun"))
    assert report(shop)["conflicts_now"] == 0
    with occupy(30101):
        found = report(shop)
        assert found["conflicts_now"] == 1 and found["registry"]["accuracy"] < 100
        assert "1 taken by a stranger" in shop.run("registry", "report", code=0).out


def incidents(shop, *args):
    """Kind and text of the last ones; each kind is counted."""
    found = report(shop, *args)["incidents"]
    last = [(row["kind"], row["text"]) for row in found["last"]]
    for row in found["kinds"]:
        assert row["count"] == sum(kind == row["kind"] for kind, _ in last)
    return last


def test_row_R1_a_service_past_its_limit_is_an_incident(shop):
    shop.stack("""
        [service api]
        command = ACTOR --exit 3
        restart.limit = 1 in 1m
        restart.delay = 10ms
        [service web]
        command = ACTOR --listen
        depends_on = api
    """)
    assert incidents(shop) == []
    shop.detach()
    [(kind, text)] = until(lambda: incidents(shop), 3 * STUCK_S, "an incident")
    assert kind == "service_failed" and text.startswith("service 'api': failed: ") and "code 3" in text
    told = shop.run("registry", "report", code=0).out
    assert "Incidents  1 service_failed since" in told and "Last incidents" in told and "service 'api'" in told
    assert incidents(shop, "--since", "2999-01-01") == []


def test_row_R1_a_supervisor_that_died_is_an_incident(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\n")
    shop.up()
    supervisor = shop.instance()["pid"]
    os.kill(supervisor, signal.SIGKILL)
    gone(supervisor)

    def crashes():
        shop.run("status", code=3)
        return incidents(shop)
    assert [kind for kind, _ in until(crashes, 3 * STUCK_S, "an incident")] == ["crashed"]
    shop.up()
    assert [kind for kind, _ in incidents(shop)] == ["crashed"]


def test_row_R1_a_port_that_a_stranger_took_meanwhile_is_an_incident(shop):
    shop.stack("""
        [service api]
        command = ACTOR --write-file begun yes --wait-file go --listen
        restart.delay = 10ms
        hold = no
    """)
    shop.detach()
    until(lambda: shop.starts("begun"))
    with occupy(30101):
        os.kill(shop.pid("api"), signal.SIGKILL)
        [(kind, text)] = until(lambda: incidents(shop), 3 * STUCK_S, "an incident")
    assert kind == "port_lost" and "service 'api': " in text and "30101" in text


def test_a_block_that_somebody_else_has_is_a_conflict_of_a_launch_that_failed(world):
    shop, blog = world.project("shop"), world.project("blog")
    for project in (shop, blog):
        project.stack("[stack]\nblock = 7\n" + STACK)
    shop.up()
    assert "belongs to project 'shop' (" in blog.run("up", "-d", code=5).err
    blog.run("status", "--json")
    found = report(shop)
    launches, [month] = found["launches"], found["months"]
    assert (launches["count"], launches["without_conflict"], launches["failed"]) == (2, 1, 1)
    assert (month["launches"], month["conflicts"], month["success_percent"]) == (2, 1, 50.0)
    [port] = found["conflicting_ports"]
    assert (port["port"], port["conflicts"]) == (30700, 1) and "project 'shop' (/" in port["last_holder"]
    assert found["projects"]["total"] == 1


def test_bars_are_for_terminals(shop):
    shop.stack(STACK)
    shop.up()
    plain = shop.run("registry", "report", "--color=always", code=0).out
    assert "Use of blocks" in plain and "\u2588" not in plain and "#" not in plain

    def seen(locale, columns):
        shop.world.env["LANG"] = locale
        terminal = shop.terminal("registry", "report", "--color=never", size=(24, columns))
        assert terminal.wait() == 0
        return terminal.output.decode()
    wide, narrow = seen("C.UTF-8", 120), seen("C.UTF-8", 40)
    assert "\u2588" in wide and "\u2588" not in narrow and "Busiest" in narrow
    assert max(len(line) for line in wide.splitlines()) <= 120
    ascii_only = seen("C", 100)
    assert re.search(r"#{5,}", ascii_only) and ascii_only.isascii()
