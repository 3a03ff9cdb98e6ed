"""Every command sees what has become of what it shows: dead owners, other branches, moved worktrees."""
import os
import signal

import pytest
from harness import descendants_of, git, gone
from holders import leave_behind

STACK = "[service api]\ncommand = ACTOR --listen\n"


@pytest.fixture
def dead(shop):
    """Supervisor and guardian were killed in a way that nobody could write anything down."""
    shop.stack(STACK)
    shop.up()
    services = descendants_of(shop.instance()["pid"])
    leave_behind(shop)
    for pid in services:
        os.kill(pid, signal.SIGKILL)
        gone(pid)
    return shop


def told(shop, *words):
    return shop.run(*words, "--json").json


SEEN_BY = {
    "registry list": lambda s: told(s, "registry", "list")["projects"][0]["instances"][0]["status"] == "crashed",
    "registry show": lambda s: told(s, "registry", "show")["project"]["instances"][0]["status"] == "crashed",
    "instances": lambda s: told(s, "instances")["instances"][0]["status"] == "crashed",
    "ports list": lambda s: {port["class"] for port in told(s, "ports", "list")["listeners"]} == {"free"},
    "registry verify": lambda s: told(s, "registry", "verify")["differences"][0]["kind"] == "supervisor_dead",
    "registry report": lambda s: told(s, "registry", "report")["instances"]["running"] == 0,
    "registry gc": lambda s: told(s, "registry", "gc", "--dry-run", "--keep", "0")["removed"][0]["kind"] == "leases",
    "status": lambda s: told(s, "status")["instances"][0]["state"] == "failed",
    "up": lambda s: "ended without being stopped" in s.up().err,
}


@pytest.mark.parametrize("verb", SEEN_BY)
def test_a_dead_owner_is_seen_by(dead, verb):
    assert SEEN_BY[verb](dead)


def test_the_list_of_all_knows_branches_and_places_as_they_are_now(world):
    shop = world.project("shop")
    shop.stack(STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"],
                 ["worktree", "add", "-q", "-b", "one", "../wt"]):
        git(shop.dir, *args)
    tree = world.project("wt")
    tree.up()
    tree.down()
    git(tree.dir, "branch", "-m", "two")
    git(shop.dir, "worktree", "move", "../wt", "../there")
    row, = world.run("registry", "list", "--json", code=0).json["projects"][0]["instances"]
    assert (row["branch"], row["worktree"]) == ("two", str(world.root / "projects/there"))
