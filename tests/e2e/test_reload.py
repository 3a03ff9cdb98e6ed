"""Faults I10-I14: templates that are none, a file that changes under us, plans shown before they are carried out."""
import os
import re
import signal

import pytest
from harness import alive, git, until


@pytest.mark.parametrize("text,words", [
    ("template = no-such", "template"),
    ("template = calc", "template"),  # itself
    ("template =", "template"),
])
def test_fault_I10_a_template_that_is_none_is_refused(shop, text, words):
    """Missing, or the service itself: an error with its line, and nothing is started or changed."""
    shop.stack("[service calc]\ncommand = ACTOR\n")
    shop.up()
    pid = shop.pid("calc")
    shop.stack(f"[service calc]\ncommand = ACTOR --say new\n{text}\n")
    refused = shop.run("up", "-d", code=78)
    assert "stack.ini:3:" in refused.err and words in refused.err, refused
    assert shop.run("check", "--json", code=78).json["complaints"][0]["line"] == 3
    assert shop.pid("calc") == pid and "new" not in shop.log("calc")


CHANGES_ITS_FILE = """#!/bin/sh
# Is asked for its version while the stack file is being applied.
test -e change && cp newer.ini stack.ini
echo 2.0
"""


def write_versions(shop):
    """stack.ini says one, newer.ini says two; asking `tool` for its version puts the newer in place."""
    shop.write("bin/tool", CHANGES_ITS_FILE, 0o755)
    shop.world.env["PATH"] = f"{shop.dir}/bin:" + shop.world.env["PATH"]
    text = """
        [stack]
        require.commands = tool>=1
        [service calc]
        command = ACTOR --say %s
        ready = log %s
    """
    shop.stack(text % ("two", "two"), "newer.ini")
    shop.stack(text % ("one", "one"))


def test_fault_I11_a_file_that_changes_during_a_start(shop):
    """What was read is what runs; that there is a newer file is said, and the next `up` applies it."""
    write_versions(shop)
    shop.write("change", "")
    started = shop.up()
    assert shop.log("calc").split() == ["one"]
    assert re.search("stack.ini.*changed.*stackup up", started.err), started
    (shop.dir / "change").unlink()
    again = shop.up()
    assert shop.log("calc").split() == ["one", "two"] and "changed" not in again.err, again


def test_fault_I11_a_file_that_changes_during_a_reload(shop):
    write_versions(shop)
    shop.up()
    shop.stack((shop.dir / "stack.ini").read_text().replace("one", "three"))
    shop.write("change", "")
    changed = shop.up()
    assert shop.log("calc").split() == ["one", "three"]
    assert re.search("stack.ini.*changed.*stackup up", changed.err), changed
    (shop.dir / "change").unlink()
    shop.up()
    assert shop.log("calc").split() == ["one", "three", "two"]


def plan_line(process):
    """What is to be done, as `up` says it before it is."""
    return process.wait_for("runs already")


def test_fault_I14_the_plan_is_shown_before_it_is_carried_out(shop):
    shop.stack("""
        [service old]
        command = ACTOR --term-delay 1500
        [service same]
        command = ACTOR
        [service changed]
        command = ACTOR
    """)
    shop.up()
    before = {s["name"]: s["pid"] for s in shop.instance()["services"]}
    shop.stack("""
        [service same]
        command = ACTOR
        [service changed]
        command = ACTOR --say changed
        [service new]
        command = ACTOR
    """)
    process = shop.follow("up", "--wait")
    line = plan_line(process)
    assert all(alive(pid) for pid in before.values()), "carried out before it was said"
    for words in ("stops old", "restarts changed", "starts new"):
        assert words in line, line
    assert "same" not in line
    assert process.process.wait(20) == 0
    assert "plan" not in "".join(process.rest()) and sum("runs already" in l for l in process.rest()) == 1
    after = {s["name"]: s["pid"] for s in shop.instance()["services"]}
    assert set(after) == {"same", "changed", "new"} and after["same"] == before["same"]
    assert after["changed"] != before["changed"] and not alive(before["old"])


def test_a_dry_run_beside_what_runs_tells_what_would_change(shop):
    text = """
        [stack]
        name = shop
        [service calc]
        command = ACTOR --say one
        env_file = calc.env
        [service api]
        command = ACTOR --listen
        [service job]
        type = task
        command = ACTOR --exit 0
        [service old]
        command = ACTOR
    """
    shop.write("calc.env", "TOKEN=one\n")
    shop.stack(text)
    shop.up()
    before = shop.instance()["services"]
    assert "nothing would change" in shop.run("up", "--dry-run", code=0).out
    shop.stack(text.replace("service old", "service new").replace("--say one", "--say two"))
    shop.write("calc.env", "TOKEN=two\n")
    shown = shop.run("up", "--dry-run", code=0).out
    assert re.search("restart +calc +command and env_file.TOKEN changed", shown), shown
    assert re.search("start +new +new", shown) and re.search("stop +old", shown)
    assert " api " not in shown and " job " not in shown and "TOKEN=" not in shown
    changes = {c["name"]: c["change"] for c in shop.run("up", "--dry-run", "--json", code=0).json["changes"]}
    assert changes == {"calc": "restart", "api": "keep", "job": "keep", "new": "start", "old": "stop"}
    assert [s["pid"] for s in shop.instance()["services"]] == [s["pid"] for s in before]
    said = shop.detach().err
    assert "stops old" in said and "restarts calc" in said and "starts new" in said
    shop.run("stop", "api", code=0)
    assert re.search("start +api +it was down", shop.run("up", "--dry-run", code=0).out)
    for which in "auto", "new":
        shown = shop.run("up", "--dry-run", "-i", which, code=0).out
        assert "shop instance 3, ports from 30120\n" in shown and " api " in shown, shown


def test_fault_I14_a_service_with_another_name_takes_the_place_of_the_first(shop):
    """A rename is a stop and a start: the new one has the port only when the old one is gone."""
    shop.stack("[service first]\ncommand = ACTOR --term-delay 300 --listen\nslot = 3\n")
    shop.up()
    first = shop.pid("first")
    shop.stack("[service second]\ncommand = ACTOR --listen\nslot = 3\n")
    line = shop.up().err
    assert "stops first" in line and "starts second" in line, line
    assert not alive(first) and shop.port("second") == 30103
    order = [(e["kind"], e["service"]) for e in shop.past_events() if e["kind"] in ("down", "starting")]
    assert order.index(("down", "first")) < order.index(("starting", "second"))
    assert shop.run("why", "first").code == 4


def test_fault_I13_a_bad_file_at_SIGHUP_changes_nothing(shop):
    """A detached instance reads its file again at SIGHUP; one with a mistake is told and left alone."""
    shop.stack("[service calc]\ncommand = ACTOR\n[service page]\ncommand = ACTOR\n")
    shop.up()
    before = shop.instance()
    events = shop.events()
    shop.stack("[service calc]\ncommand = ACTOR --say new\n[service page]\ncommannd = ACTOR\n")
    os.kill(before["pid"], signal.SIGHUP)
    told = events.wait_for("not applied")
    assert "warning" in told
    events.close()
    after = shop.instance()
    assert [s["pid"] for s in before["services"]] == [s["pid"] for s in after["services"]]
    assert after["state"] == "ready" and "new" not in shop.log("calc")
    shop.stack("[service calc]\ncommand = ACTOR --say new\n[service page]\ncommand = ACTOR\n")
    os.kill(before["pid"], signal.SIGHUP)
    until(lambda: "new" in shop.log("calc"))
    assert shop.pid("page") == next(s["pid"] for s in before["services"] if s["name"] == "page")


def test_what_has_failed_is_tried_again(shop):
    """Whoever has mended what a service fails for says `up`, as after any other change."""
    shop.stack("""
        [service calc]
        command = ACTOR
        depends_on = migrate
        [service migrate]
        type = task
        command = ACTOR --write-file starts x --fail-first 1 count --exit 0
        [service page]
        command = ACTOR
    """)
    assert shop.run("up", "--wait").code in (1, 6) and shop.state("calc") == "failed"
    page = shop.pid("page")
    again = shop.up()
    assert re.search("starts .*calc.*migrate", again.err), again
    assert shop.state("calc") == "ready" and len(shop.starts("starts")) == 2 and shop.pid("page") == page
    assert "nothing has changed" in shop.up().err and len(shop.starts("starts")) == 2


def test_what_does_not_run_is_not_said_to_be_stopped(shop):
    shop.stack("""
        [service calc]
        command = ACTOR
        [service debug]
        command = ACTOR
        profile = debug
        [service seed]
        type = task
        command = ACTOR --exit 0
        profile = seed
    """)
    shop.up()
    assert "nothing has changed" in shop.up().err
    shop.up("--profile", "debug", "--profile", "seed")
    assert "stops debug, seed" in shop.up().err
    assert "nothing has changed" in shop.up().err
    shop.run("stop", "calc", code=0)
    said = shop.up().err
    assert "starts calc" in said and "stops" not in said, said


def test_another_stack_of_the_repository_does_not_take_the_place_of_one_that_runs(shop):
    """Two files without a name are one project: an `up` in the wrong directory stopped everything."""
    git(shop.dir, "init", "-q")
    shop.stack("[service web]\ncommand = ACTOR --listen\n", "one/stack.ini")
    shop.stack("[service api]\ncommand = ACTOR --listen\n", "two/stack.ini")
    shop.run("-C", "one", "up", "--wait", code=0)
    web = shop.pid("web", "-C", "one")
    refused = shop.run("-C", "two", "up", "-d", code=1)
    assert f"runs from {shop.dir}/one/stack.ini" in refused.err and "name = " in refused.err, refused
    assert alive(web) and shop.pid("web", "-C", "two") == web
    # One whose directory has another name now is the same.
    (shop.dir / "one").rename(shop.dir / "three")
    shop.run("-C", "three", "up", "-d", code=0)
    shop.run("-C", "two", "up", "-d", "--yes", code=0)
    until(lambda: [s["name"] for s in shop.instance("-C", "two")["services"]] == ["api"])
