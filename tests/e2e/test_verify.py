"""`registry verify`: what the registry says against who lives and who listens."""
import os
import shutil
import signal

import pytest
from harness import can_connect, git, kill_supervisor, until
from holders import leave_behind, occupy

STACK = "[service api]\ncommand = ACTOR --listen\n[service web]\ncommand = ACTOR --listen\n"


def verify(world, code=3):
    return world.run("registry", "verify", "--json", code=code).json


def differences(world):
    found = verify(world)
    assert found["examined"] == found["true"] + len(found["differences"]) and found["accuracy"] < 100
    assert all(d["reason"] and d["fix"] for d in found["differences"])
    return [(d["kind"], d["instance"], d["port"]) for d in found["differences"]]


@pytest.fixture
def running(shop):
    shop.stack(STACK)
    shop.up()
    return shop


def test_row_R4_all_is_true_before_during_and_after_a_run(shop):
    assert verify(shop.world, code=0) == {"version": 1, "accuracy": 100.0, "examined": 0, "true": 0, "differences": [], "not_judged": []}
    shop.stack(STACK)
    shop.up()
    found = verify(shop.world, code=0)
    assert found["accuracy"] == 100.0 and found["examined"] == 1 + 1 + 10 + 2
    shop.run("stop", "api", code=0)
    assert verify(shop.world, code=0)["accuracy"] == 100.0
    shop.down()
    said = shop.run("registry", "verify", code=0)
    assert said.out == "accuracy 100.0 %: 2 of 2 rows are true\n"


def test_a_stranger_on_a_leased_port_is_named(shop):
    shop.stack("[service api]\ncommand = ACTOR --write-file begun yes --wait-file go --listen\nhold = no\n")
    shop.detach()
    until(lambda: shop.starts("begun"))
    assert verify(shop.world, code=0)["accuracy"] == 100.0
    with occupy(30101):
        assert differences(shop.world) == [("stranger", 1, 30101)]
        said = shop.run("registry", "verify", "--ci", code=5)
        assert f"pid {os.getpid()}" in said.out and "'api'" in said.out


def test_a_ready_service_on_whose_port_nobody_listens(shop):
    shop.stack("[service api]\ncommand = ACTOR\nslot = 1\nready = started\n")
    shop.up()
    assert differences(shop.world) == [("silent", 1, 30101)]
    shop.run("stop", "api", code=0)
    assert verify(shop.world, code=0)["accuracy"] == 100.0


def test_a_service_that_listens_where_nothing_is_leased(shop):
    shop.stack("[service api]\ncommand = ACTOR --port 4950 --listen\nidentity = off\nready = started\n")
    shop.up()
    until(lambda: [d for d in differences(shop.world) if d == ("unleased", 1, 4950)])


def test_a_dead_supervisor_and_all_that_hangs_on_it(running):
    kill_supervisor(running)
    found = differences(running.world)
    assert found[0] == ("supervisor_dead", 1, 0)
    assert {kind for kind, _, _ in found[1:]} == {"lease_dead", "service_dead"} and len(found) == 1 + 10 + 2
    assert "and 9 more" in running.run("registry", "verify", code=3).out
    running.down()
    assert verify(running.world, code=0)["accuracy"] == 100.0


def test_a_row_that_somebody_changed(running):
    running.world.ask_registry("UPDATE leases SET port = 30190 WHERE port = 30103")
    running.world.ask_registry("UPDATE services SET external_port = 31000 WHERE service_name = 'api'")
    running.world.ask_registry("UPDATE instances SET status = 'stopped'")
    assert sorted(differences(running.world)) == [
        ("lease_outside", 1, 30190), ("runs_unrecorded", 1, 0), ("service_differs", 1, 31000)]


def test_two_leases_of_one_service(running):
    running.world.ask_registry("""INSERT INTO leases SELECT netns, protocol, 30999, project_id, instance, service, port_name,
        -1, 'moved', created_at FROM leases WHERE service = 'api'""")
    assert differences(running.world) == [("lease_twice", 1, 30999)]


def test_a_lease_of_an_instance_that_there_is_not(running):
    running.world.ask_registry("""INSERT INTO leases SELECT netns, protocol, 30999, project_id, 7, service, port_name,
        -1, 'fixed', created_at FROM leases WHERE service = 'api'""")
    assert differences(running.world) == [("lease_orphan", 7, 30999)]


def test_two_that_run_and_share_ports(running):
    running.up("-i", "3")
    running.world.ask_registry("UPDATE instances SET spans = 3 WHERE instance = 1")
    assert differences(running.world) == [("shared_range", 3, 0)]


def test_what_a_dead_run_left_listening(shop):
    shop.stack("[service api]\ncommand = ACTOR --port 4950 --listen\nidentity = off\nready = started\n")
    shop.up()
    until(lambda: can_connect(4950))
    leave_behind(shop)
    assert ("leftover", 1, 4950) in differences(shop.world)
    shop.down()
    assert verify(shop.world, code=0)["accuracy"] == 100.0


@pytest.mark.parametrize("helps", ["down", "registry gc --keep 0", "up"])
def test_what_is_said_to_help_helps_now(running, helps):
    kill_supervisor(running)
    running.run("status", code=3)
    found = verify(running.world)["differences"]
    assert {d["kind"] for d in found} == {"lease_dead", "service_dead"}
    assert all(f"`stackup {helps}`" in d["fix"] for d in found), found
    if helps == "up":
        running.up()
    else:
        running.run(*helps.split(), code=0)
    assert verify(running.world, code=0)["accuracy"] == 100.0


def test_a_directory_that_may_be_on_a_disk_that_is_away_is_not_judged(world):
    alone = world.project("disk/alone")
    alone.stack(STACK)
    alone.up()
    alone.down()
    before = verify(world, code=0)
    assert before["not_judged"] == []
    shutil.rmtree(alone.dir)
    found = verify(world, code=0)
    assert found["examined"] == before["examined"] - 2 and found["accuracy"] == 100.0
    assert [(row["project"], row["instance"], row["path"]) for row in found["not_judged"]] == [
        ("alone", 0, str(alone.dir)), ("alone", 1, str(alone.dir))]
    assert "its disk is not mounted" in found["not_judged"][0]["reason"]
    assert f"not judged: alone instance 1, {alone.dir}" in world.run("registry", "verify", code=0).out
    assert f"{alone.dir} (not there)" in world.run("instances", "--machine", code=0).out
    (alone.dir.parent / "another").mkdir()
    assert set(differences(world)) == {("path_gone", 0, 0), ("worktree_gone", 1, 0)}
    assert f"{alone.dir} (removed)" in world.run("instances", "--machine", code=0).out


def test_a_worktree_that_was_removed(shop):
    shop.stack(STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"],
                 ["worktree", "add", "-q", "-b", "one", "../tree"]):
        git(shop.dir, *args)
    tree = shop.world.project("tree")
    tree.up()
    tree.down()
    assert verify(shop.world, code=0)["accuracy"] == 100.0
    git(shop.dir, "worktree", "remove", "--force", "../tree")
    assert differences(shop.world) == [("worktree_gone", 3, 0)]
    assert "`stackup registry gc --keep 0`" in verify(shop.world)["differences"][0]["fix"]
    shop.run("registry", "gc", "--keep", "0", code=0)
    assert verify(shop.world, code=0)["accuracy"] == 100.0


def test_a_directory_that_is_gone(world):
    for name in ("one", "two"):
        project = world.project(name)
        project.stack(STACK)
        project.run("registry", "add", code=0)
    shutil.rmtree(world.project("two").dir)
    found, = verify(world)["differences"]
    assert (found["kind"], found["project"]) == ("path_gone", "two")
    world.run("registry", "archive", "two", code=0)
    assert verify(world, code=0)["accuracy"] == 100.0


def test_a_supervisor_that_does_not_answer_is_said(running):
    pid = running.instance()["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        said = running.run("registry", "verify", code=0)
        assert "1 supervisor did not answer" in said.err and "100.0 %" in said.out
    finally:
        os.kill(pid, signal.SIGCONT)
