"""What the registry remembers of instances and services, and how it is asked."""
import contextlib
import fcntl
import os
import shutil
import signal

from harness import STUCK_S, gone, until

STACK = """
[service api]
command = ACTOR --listen
[service job]
type = task
command = ACTOR --exit 3
optional = yes
"""


def events(shop, *args, code=0):
    return shop.run("events", *args, "--json", code=code).json_lines


def remembered(shop, *args):
    """Kinds by service, in their order."""
    kinds = {}
    for event in events(shop, "--all", *args):
        kinds.setdefault(event["service"], []).append(event["kind"])
    return kinds


def recorded(shop, kind, service=None):
    """Waits until the registry has it: rows are collected for a moment."""
    return until(lambda: [e for e in events(shop, "--all") if (e["kind"], e["service"]) == (kind, service)],
                 3 * STUCK_S, f"{kind} of {service} in the history")


def test_starts_and_exits_are_remembered_with_old_and_new_state(shop):
    shop.stack(STACK)
    shop.up()
    [ready] = recorded(shop, "ready", "api")
    assert (ready["project"], ready["instance"], ready["old"], ready["new"]) == ("shop", 1, "starting", "ready")
    assert "ready" in ready["text"] and ready["time"].endswith("Z")
    exited = recorded(shop, "exited", "job")[-1]
    assert exited["new"] == "failed" and "code 3" in exited["text"]
    os.kill(shop.service("api")["pid"], signal.SIGKILL)
    assert recorded(shop, "exited", "api")[0]["old"] == "ready"


def test_a_change_of_health_is_remembered_with_old_and_new_state(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = command test ! -e DIR/bad
        health.interval = 100ms
        health.retries = 1
        health.action = alert
    """)
    shop.up()
    bad = shop.write("bad", "")
    assert recorded(shop, "unhealthy", "api")[0]["old"] == "ready"
    bad.unlink()
    recovered = recorded(shop, "recovered", "api")[0]
    assert (recovered["old"], recovered["new"]) == ("unhealthy", "ready")


def test_down_returns_when_all_is_remembered(shop):
    shop.stack(STACK)
    shop.up()
    shop.down()
    kinds = remembered(shop)
    assert kinds["api"] == ["starting", "ready", "stopping", "down"]
    assert kinds["job"] == ["starting", "exited", "failed"]
    last = events(shop, "--all", "-n", "1")[0]
    assert (last["service"], last["old"], last["new"]) == (None, "stopping", "stopped")


def test_history_of_what_is_gone_and_of_everybody(world):
    shop, blog = world.project("shop"), world.project("blog")
    for project in (shop, blog):
        project.stack(STACK)
        project.up()
        project.down()
    shutil.rmtree(world.home / "shop" / "1")
    assert [e["kind"] for e in events(shop, "api")] == ["starting", "ready", "stopping", "down"]
    assert {e["project"] for e in events(blog, "--all")} == {"blog"}
    assert [e["project"] for e in events(shop, "--machine") if e["kind"] == "ready"] == ["shop", "blog"]
    assert len(events(shop, "--machine", "-n", "2")) == 2
    assert not events(shop, "--machine", "--since", "2999-01-01T00:00:00Z")
    assert {e["service"] for e in events(shop, "--all", "-p", "blog", "j*")} == {"job"}
    text = shop.run("events", "--machine", code=0).out
    assert "shop/1" in text and "blog/1" in text and "api: ready" in text


def test_what_cannot_be_asked_is_said(world):
    shop, nowhere = world.project("shop"), world.project("nowhere")
    shop.stack(STACK)
    shop.up()
    recorded(shop, "ready", "api")
    assert "did you mean 'api'" in shop.run("events", "--all", "apj", code=4).err
    assert "-f follows one instance" in shop.run("events", "--machine", "-f", code=2).err
    assert "a service is one of a project" in shop.run("events", "--machine", "api", code=2).err
    assert "no project is registered" in nowhere.run("events", "--all", code=4).err


def test_ports_history_by_service_port_and_time(world):
    shop, blog = world.project("shop"), world.project("blog")
    for project in (shop, blog):
        project.stack("[service api]\ncommand = ACTOR --listen\n[service web]\ncommand = ACTOR --listen\n")
        project.up()

    def history(*args):
        rows = shop.run("ports", "history", *args, "--json", code=0).json["history"]
        return [(row["service"], row["new"]) for row in rows]
    api, web = shop.port("api"), shop.port("web")
    assert sorted(history()) == sorted([("api", api), ("web", web)])
    assert history("api") == [("api", api)] == history(str(api)) == history("api", str(api)) == history(str(api), "api")
    assert history("api", str(web)) == []
    assert len(history("-n", "1")) == 1
    assert history("--since", "2999-01-01T00:00:00Z") == []
    assert "not 'web'" in shop.run("ports", "history", "api", "web", code=2).err


def test_fault_F25_the_history_shows_a_crash(shop):
    shop.stack(STACK)
    shop.up()
    recorded(shop, "ready", "api")
    supervisor = shop.instance()["pid"]
    os.kill(supervisor, signal.SIGKILL)
    gone(supervisor)

    def crashes():
        """Whoever looks writes it down, once the guardian has ended what was left."""
        shop.run("status", code=3)
        return [e for e in events(shop, "--all") if e["kind"] == "crashed"]
    assert "killed by SIGKILL" in until(crashes, 3 * STUCK_S, "a row about the crash")[0]["text"]
    assert len(crashes()) == 1


@contextlib.contextmanager
def locked(world):
    """As a stackup that hangs in the middle of a change has it."""
    with open(world.home / "locks" / "registry.lock", "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX, 1)
        yield


def told(shop, text):
    """In events.jsonl, which needs no registry. Lines are whole: they are written at once."""
    def lines():
        return [line for line in (shop.state_dir() / "events.jsonl").read_text().splitlines() if text in line]
    return until(lines, 3 * STUCK_S, f"{text!r} told")


def test_a_registry_that_is_locked_stops_nothing_and_is_said_once(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\nrestart.delay = 10ms\n")
    shop.up()
    recorded(shop, "ready", "api")
    with locked(shop.world):
        pid = shop.service("api")["pid"]
        os.kill(pid, signal.SIGKILL)
        told(shop, "what happens is kept in memory")
        shop.run("wait", "api", code=0)
        assert shop.service("api")["pid"] != pid
    told(shop, "the registry can be used again")
    recorded(shop, "exited", "api")
    assert len(told(shop, "kept in memory")) == 1


def test_a_registry_that_is_gone_is_not_made_by_who_runs(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\n")
    shop.up()
    recorded(shop, "ready", "api")
    pid = shop.pid("api")
    for file in shop.world.home.glob("registry.db*"):
        file.unlink()
    os.kill(pid, signal.SIGKILL)
    told(shop, "is gone; what happens is kept in memory")
    assert not (shop.world.home / "registry.db").exists()
    blog = shop.world.project("blog")
    blog.stack(STACK)
    blog.up()
    recorded(shop, "exited", "api")


def test_old_rows_are_pruned_as_new_ones_come(shop):
    shop.stack(STACK)
    shop.up()
    shop.down()
    shop.world.ask_registry("UPDATE events SET timestamp = '2001-01-01T00:00:00.000Z'")
    (before,), = shop.world.ask_registry("SELECT max(id) FROM events")
    shop.up()
    shop.down()
    assert shop.world.ask_registry(f"SELECT count(*) FROM events WHERE id <= {before}") == [(0,)]
    assert remembered(shop)["api"] == ["starting", "ready", "stopping", "down"]


def test_whoever_looks_into_the_registry_with_another_program_hinders_nothing(shop):
    """SQLite removes the log when the last one closes the file: that is no damage, and what happens is written."""
    shop.stack("[service calc]\ncommand = ACTOR --exit 3\nrestart = no\n[service page]\ncommand = ACTOR\n")
    shop.detach()
    (text,), = until(lambda: shop.world.ask_registry("SELECT text FROM incidents"), 3 * STUCK_S, "an incident")
    assert "'calc'" in text
    assert not [event for event in shop.past_events() if event["kind"] == "warning"]
