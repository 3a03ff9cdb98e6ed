"""What is stale goes, with its reason: `registry gc`, a little of it after `up`, and what nobody uses."""
import os
import shutil
import time

import pytest
from harness import git, kill_supervisor
from holders import leave_behind, occupy

STACK = "[service api]\ncommand = ACTOR --listen\n"
LONG_AGO = "2020-01-02T00:00:00.000Z"


@pytest.fixture
def repository(world):
    shop = world.project("shop")
    shop.stack(STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        git(shop.dir, *args)
    return shop


def worktree(shop, name, place=".."):
    git(shop.dir, "worktree", "add", "-q", "-b", name, f"{place}/{name}")
    return shop.world.project(f"{place}/{name}" if place != ".." else name)


def grow_old(shop, number=1):
    shop.world.ask_registry(f"UPDATE instances SET last_used_at = '{LONG_AGO}' WHERE instance = {number}")
    events = shop.state_dir(number) / "events.jsonl"
    if events.exists():
        os.utime(events, (0, 0))


def gc(shop, *args):
    return shop.run("registry", "gc", "--json", *args, code=0).json


def going(shop, *args):
    return [(row["kind"], row["instance"] or row["port"]) for row in gc(shop, "--dry-run", *args)["removed"]]


def staying(shop, *args):
    return {row["kind"]: row["reason"] for row in gc(shop, "--dry-run", *args)["kept"]}


def let_the_day_pass(world):
    world.ask_registry("UPDATE settings SET value = 0 WHERE name IN ('tidy_next', 'review_next')")


# ---- each kind ----------------------------------------------------------------------------------

def test_nothing_is_stale_where_nothing_is(world):
    said = world.run("registry", "gc", code=0)
    assert "nothing in the registry is stale" in said.err and not (world.home / "registry.db").exists()
    assert world.run("registry", "gc", "--json", code=0).json == {
        "version": 1, "dry_run": False, "removed": [], "kept": [], "idle": []}


def test_leases_of_a_dead_run_go_when_it_is_a_week_old(shop):
    shop.stack(STACK)
    shop.up()
    assert going(shop, "--keep", "0") == [] and staying(shop) == {}
    kill_supervisor(shop)
    assert staying(shop) == {"leases": "it is not old enough"}
    row, = gc(shop)["kept"]
    for words in ([], ["--dry-run"]):
        said = shop.run("registry", "gc", *words, code=0)
        assert "10 leases of shop instance 1" in said.out and f"until {row['until'][:10]}" in said.out
        assert "--keep 0" in said.err and "nothing in the registry is stale" not in said.err
    assert shop.world.ask_registry("SELECT count(*) FROM leases") == [(10,)]
    grow_old(shop)
    said = shop.run("registry", "gc", "--dry-run", code=0)
    assert "10 leases of shop instance 1" in said.out and "2020-01-02" in said.out and "dry run" in said.err
    assert shop.world.ask_registry("SELECT count(*) FROM leases") == [(10,)]
    assert [row["kind"] for row in gc(shop)["removed"]] == ["leases"]
    assert shop.world.ask_registry("SELECT count(*) FROM leases") == [(0,)]
    audit, = shop.world.ask_registry("SELECT target, reason FROM audit WHERE action = 'removed'")
    assert audit == ("10 leases of shop instance 1", "its instance has not run since 2020-01-02")
    assert going(shop, "--keep", "0") == []


def test_the_last_sign_of_life_of_a_crashed_run_counts(shop):
    shop.stack(STACK)
    shop.up()
    kill_supervisor(shop)
    shop.world.ask_registry(f"UPDATE instances SET last_used_at = '{LONG_AGO}'")
    assert going(shop) == [] and staying(shop) == {"leases": "it is not old enough"}
    assert shop.run("instances", "--unused", "--json", code=0).json["idle"] == []
    grow_old(shop)
    row, = shop.run("instances", "--unused", "--json", code=0).json["idle"]
    assert row["release"] == "stackup down -p shop -i 1 && stackup instances release 1 -p shop"


def test_what_a_dead_run_left_behind_keeps_its_leases(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen --double-fork --setsid-child")
    shop.up()
    leave_behind(shop)
    grow_old(shop)
    assert "stackup cleanup" in staying(shop)["leases"]
    assert gc(shop)["removed"] == [] and shop.world.ask_registry("SELECT count(*) FROM leases") == [(10,)]
    shop.down()
    assert going(shop, "--keep", "0") == []


def test_the_claim_of_a_removed_worktree_goes_and_its_state_is_set_aside(repository):
    tree = worktree(repository, "wt")
    tree.up()
    tree.down()
    grow_old(repository, 3)
    assert going(repository, "--keep", "0") == []
    git(repository.dir, "worktree", "remove", "--force", "../wt")
    assert going(repository) == [("worktrees", 3)]
    assert repository.state_dir(3).exists()
    removed, = gc(repository)["removed"]
    assert removed["path"] == str(tree.dir) and "removed" in removed["reason"]
    assert repository.world.ask_registry("SELECT count(*) FROM instances WHERE instance = 3") == [(0,)]
    assert not repository.state_dir(3).exists() and len(list(repository.state_dir(3).parent.glob("3.before-*"))) == 1
    assert not list((repository.world.home / "locks").glob("p*-3.json"))


def test_also_when_another_worktree_is_in_its_place(repository):
    tree = worktree(repository, "one")
    tree.up()
    tree.down()
    git(repository.dir, "worktree", "move", "../one", "../place")
    place = repository.world.project("place")
    place.up()
    place.down()
    git(repository.dir, "worktree", "remove", "--force", "../place")
    git(repository.dir, "worktree", "add", "-q", "-b", "two", "../place")
    place.up("-i", "4")
    shown = repository.run("instances", "--json", code=0).json["instances"]
    assert [(row["instance"], row["branch"]) for row in shown] == [(3, "one"), (4, "two")]
    table = repository.run("instances", code=0).out.splitlines()
    assert [line.endswith("(removed)") for line in table[1:]] == [True, False], table
    assert [row["instance"] for row in gc(repository, "--keep", "0")["removed"]] == [3]


def test_never_while_something_of_it_runs(repository):
    tree = worktree(repository, "wt")
    tree.up()
    shutil.rmtree(tree.dir)
    git(repository.dir, "worktree", "prune")
    grow_old(repository, 3)
    assert staying(repository, "--keep", "0") == {"worktrees": "its instance runs"}
    assert gc(repository, "--keep", "0")["removed"] == []
    repository.run("down", "-i", "3", code=0)
    assert gc(repository, "--keep", "0")["removed"][0]["instance"] == 3


@pytest.mark.parametrize("away", ["the disk", "what is on it"])
def test_a_file_system_that_is_not_there_removes_nothing(repository, away):
    disk = repository.world.root / "disk"
    disk.mkdir()
    git(repository.dir, "worktree", "add", "-q", "-b", "far", str(disk / "far"))
    repository.run("up", "--wait", cwd=disk / "far", code=0)
    repository.run("down", cwd=disk / "far", code=0)
    grow_old(repository, 3)
    disk.rename(repository.world.root / "elsewhere")
    if away == "what is on it":
        disk.mkdir()
    assert staying(repository) == {"worktrees": "its file system is not there"}
    assert gc(repository, "--keep", "0")["removed"] == []


def test_reservations_that_nobody_uses(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\nport = 8000\n")
    shop.run("ports", "reserve", "api", code=0)
    shop.run("ports", "reserve", "8081", "--for", "ann", code=0)
    assert going(shop) == []
    shop.world.ask_registry(f"UPDATE reservations SET created_at = '{LONG_AGO}'")
    assert going(shop) == [("reservations", 8000), ("reservations", 8081)]
    with occupy(8081):
        assert going(shop) == [("reservations", 8000)]
    shop.up()
    shop.down()
    assert going(shop) == [("reservations", 8081)], "the service was used a moment ago"
    assert len(gc(shop)["removed"]) == 1
    assert shop.world.ask_registry("SELECT port FROM reservations") == [(8000,)]


def test_directories_that_were_set_aside(shop):
    shop.stack(STACK)
    shop.up()
    home = shop.state_dir().parent
    for name in ("3.before-20200102T000000Z", time.strftime("4.before-%Y%m%dT%H%M%SZ", time.gmtime())):
        (home / name / "logs").mkdir(parents=True)
        (home / name / "logs/api.log").write_text("old\n")
    (home / "3.before-20200102T000000Z" / "link").symlink_to(shop.dir)
    (home / "precious").mkdir()
    assert going(shop) == [("directories", 3)]
    gc(shop)
    assert sorted(p.name.split("-")[0] for p in home.iterdir()) == ["1", "4.before", "precious"]
    assert (shop.dir / "stack.ini").exists()


# ---- in passing ---------------------------------------------------------------------------------

def test_up_removes_a_little_once_a_day_and_says_so_in_one_line(repository):
    tree = worktree(repository, "wt")
    tree.up()
    tree.down()
    repository.up()
    git(repository.dir, "worktree", "remove", "--force", "../wt")
    grow_old(repository, 3)
    assert "tidied" not in repository.up().err, "it was looked at a moment ago"
    let_the_day_pass(repository.world)
    said = [line for line in repository.up().err.splitlines() if "tidied" in line]
    assert len(said) == 1 and "shop instance 3" in said[0] and "2020-01-02" in said[0]
    let_the_day_pass(repository.world)
    assert "tidied" not in repository.up().err


def test_up_takes_nobodys_word_back_and_removes_nothing_large(shop):
    shop.stack(STACK)
    shop.up()
    shop.run("ports", "reserve", "8081", "--for", "ann", code=0)
    shop.world.ask_registry(f"UPDATE reservations SET created_at = '{LONG_AGO}'")
    large = shop.state_dir().parent / "3.before-20200102T000000Z"
    large.mkdir()
    for i in range(600):
        (large / str(i)).touch()
    let_the_day_pass(shop.world)
    assert "tidied" not in shop.up().err
    assert going(shop) == [("reservations", 8081), ("directories", 3)]


def test_up_leaves_a_directory_that_may_have_been_moved_to_who_asks(world):
    for name in ("moved", "shop"):
        project = world.project(name)
        project.stack(STACK)
        project.up()
        project.down()
    shop, moved = world.project("shop"), world.project("moved")
    moved.dir.rename(moved.dir.parent / "elsewhere")
    world.ask_registry(f"UPDATE instances SET last_used_at = '{LONG_AGO}'")
    let_the_day_pass(world)
    assert "tidied" not in shop.up().err
    removed, = gc(shop)["removed"]
    assert removed["project"] == "moved" and removed["kind"] == "worktrees"


def test_the_users_own_file_says_how_long(shop):
    own = shop.world.root / "user/.config/stackup/config.ini"
    own.parent.mkdir(parents=True)
    shop.stack(STACK)
    shop.run("ports", "reserve", "8081", "--for", "ann", code=0)
    shop.world.ask_registry(f"UPDATE reservations SET created_at = '{LONG_AGO}'")
    own.write_text("[registry]\nkeep.reservations = 3650\n")
    assert going(shop) == []
    assert going(shop, "--keep", "1") == [("reservations", 8081)]
    own.write_text("[registry]\nkeep.reservations = soon\nkeep.lease = 3\n")
    refused = shop.up(code=78).err
    assert "config.ini:2" in refused and "config.ini:3" in refused and "keep.leases" in refused, refused
    own.unlink()
    shop.stack(STACK + "[registry]\nkeep.leases = 3\n")
    assert "write it into ~/.config/stackup/config.ini" in shop.up(code=78).err
    assert "no number of days" in shop.run("registry", "gc", "--keep", "soon", code=2).err


# ---- what nobody uses ---------------------------------------------------------------------------

def test_instances_that_nobody_uses_and_what_releases_them(repository):
    tree = worktree(repository, "wt")
    tree.up()
    tree.down()
    repository.up()
    assert "within 30 days" in repository.run("instances", "--unused", code=0).err
    grow_old(repository, 3)
    grow_old(repository, 1)
    row, = repository.run("instances", "--unused", "--json", code=0).json["idle"]
    assert (row["instance"], row["branch"], row["worktree"], row["worktree_removed"]) == (3, "wt", str(tree.dir), False)
    assert row["last_used_at"] == LONG_AGO and row["days"] > 2000
    assert row["release"] in repository.run("instances", "--unused", "--machine", code=0).out
    assert repository.run("instances", "--unused", "9999", "--json", code=0).json["idle"] == []
    outside = repository.world.run("instances", "--unused", "--json", code=0).json["idle"]
    assert [r["instance"] for r in outside] == [3]
    assert gc(repository, "--dry-run")["idle"] == [row]
    assert "instances release 3" in repository.run("registry", "gc", "--dry-run", code=0).out
    repository.run(*row["release"].split()[1:], code=0)
    assert repository.run("instances", "--unused", "--json", code=0).json["idle"] == []
    assert "no number of days" in repository.run("instances", "--unused=soon", code=2).err


def test_a_run_that_was_long_is_used_until_it_stops(shop):
    shop.stack(STACK)
    shop.up()
    shop.world.ask_registry(f"UPDATE instances SET last_used_at = '{LONG_AGO}'")
    assert shop.run("instances", "--unused", "--json", code=0).json["idle"] == []
    shop.down()
    assert shop.run("instances", "--unused", "--json", code=0).json["idle"] == []


def test_up_mentions_them_once_a_month_on_a_terminal(repository):
    tree = worktree(repository, "wt")
    tree.up()
    tree.down()
    grow_old(repository, 3)
    assert "not been used" not in repository.up().err
    terminal = repository.terminal("up", "-d")
    assert terminal.wait() == 0
    assert b"1 instance has not been used for 30 days" in terminal.output
    again = repository.terminal("up", "-d")
    assert again.wait() == 0 and b"not been used" not in again.output
    due, = repository.world.ask_registry("SELECT value FROM settings WHERE name = 'review_next'")
    assert due[0] > time.time()
