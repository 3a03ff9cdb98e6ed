"""`registry backup`, `restore` and `integrity`: what was is kept, comes back, and is checked."""
import contextlib
import os
import sqlite3
import threading

import pytest
from harness import until

STACK = "[service api]\ncommand = ACTOR --listen\n"


def stacked(world, name):
    project = world.project(name)
    project.stack(STACK)
    return project


def projects(shop):
    return {p["name"]: p for p in shop.run("registry", "list", "--json", code=0).json["projects"]}


def backup(shop, *words):
    return shop.run("registry", "backup", *words, "--json", code=0).json["backup"]


def restore(shop, file, *words):
    return shop.run("registry", "restore", file, "--yes", "--json", *words, code=0).json["restore"]


def changed(world, *statements, path=None):
    """By somebody else's program, which knows no rules."""
    with contextlib.closing(sqlite3.connect(path or world.home / "registry.db", isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def test_a_copy_is_one_checked_file_of_ones_own(world):
    shop = stacked(world, "shop")
    assert "there is no registry yet" in shop.run("registry", "backup", code=4).err
    shop.up()
    told = shop.run("registry", "backup", code=0)
    path = told.out.strip()
    assert path.startswith(f"{world.home}/registry.db.backup-20") and "1 project, 1 instance" in told.err
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert sorted(p.name for p in world.home.glob("registry.db.backup-*")) == [os.path.basename(path)]
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT name FROM projects").fetchall() == [("shop",)]


def test_where_a_copy_goes(world):
    shop = stacked(world, "shop")
    shop.run("registry", "add", code=0)
    file = world.root / "kept.db"
    assert backup(shop, file)["projects"] == 1
    assert "is there already" in shop.run("registry", "backup", file, code=1).err
    stacked(world, "blog").run("registry", "add", code=0)
    assert backup(shop, file, "--yes")["projects"] == 2
    directory = world.root / "copies"
    directory.mkdir()
    assert backup(shop, directory)["file"].startswith(f"{directory}/registry.db.backup-")
    assert "is the registry itself" in shop.run("registry", "backup", world.home / "registry.db", "--yes", code=2).err
    assert "No such file or directory" in shop.run("registry", "backup", world.root / "none/copy.db", code=1).err
    assert set(projects(shop)) == {"shop", "blog"}


def test_copies_while_others_write_are_whole(world):
    shop = stacked(world, "shop")
    shop.run("registry", "add", code=0)
    stop = threading.Event()

    def write():
        turn = 0
        while not stop.is_set():
            turn += 1
            changed(world, f"UPDATE projects SET owner = 'turn {turn}', notes = 'turn {turn}'")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        files = [backup(shop)["file"] for _ in range(6)]
    finally:
        stop.set()
        writer.join()
    assert len(set(files)) == 6
    for path in files:
        with contextlib.closing(sqlite3.connect(path)) as db:
            owner, notes = db.execute("SELECT owner, notes FROM projects").fetchone()
            assert owner == notes


def test_restore_says_what_is_gained_and_lost_and_keeps_what_was(world):
    shop, blog = stacked(world, "shop"), stacked(world, "blog")
    shop.up()
    shop.down()
    shop.run("registry", "set", "owner=ann", code=0)
    copy = backup(shop)["file"]
    shop.run("registry", "set", "owner=bob", code=0)
    blog.up()
    blog.down()
    dry = shop.run("registry", "restore", copy, "--dry-run", code=0)
    assert dry.out == "- project blog\n- instance 1 of blog\n"
    assert set(projects(shop)) == {"shop", "blog"}
    asked = shop.run("registry", "restore", copy, code=2)
    assert "there is nobody to ask" in asked.err and set(projects(shop)) == {"shop", "blog"}
    said = restore(shop, copy)
    assert said["lost"] == [{"project": "blog", "instance": None}, {"project": "blog", "instance": 1}] and not said["kept"]
    assert {n: p["owner"] for n, p in projects(shop).items()} == {"shop": "ann"}
    back = shop.run("registry", "restore", said["before"], "--yes", code=0)
    assert "+ project blog\n+ instance 1 of blog\n" == back.out and "is kept as" in back.err
    assert {n: p["owner"] for n, p in projects(shop).items()} == {"shop": "bob", "blog": ""}
    shop.run("registry", "integrity", code=0)
    blog.up()
    assert blog.port("api") == 30201


def test_what_was_lost_stays_lost_when_the_registry_is_rebuilt(world):
    shop, blog = stacked(world, "shop"), stacked(world, "blog")
    shop.run("registry", "add", code=0)
    copy = backup(shop)["file"]
    blog.up()
    blog.down()
    restore(shop, copy)
    (world.home / "registry.db").unlink()
    assert set(projects(shop)) == {"shop"}


def test_what_runs_stays_in_the_registry(world):
    """Both the project that the copy knows with other words, and the one that it does not know."""
    shop, blog = stacked(world, "shop"), stacked(world, "blog")
    shop.run("registry", "add", code=0)
    copy = backup(shop)["file"]
    shop.run("registry", "set", "owner=bob", code=0)
    shop.up()
    blog.up()
    pids = [p.pid("api") for p in (shop, blog)]
    leases = shop.run("ports", "list", "--json", code=0).json["listeners"]
    said = restore(shop, copy)
    assert [k["project"] for k in said["kept"]] == ["shop", "blog"]
    assert [p.pid("api") for p in (shop, blog)] == pids
    assert projects(shop)["shop"]["owner"] == "bob"
    assert [l["lease"] for l in shop.run("ports", "list", "--json", code=0).json["listeners"]] == [l["lease"] for l in leases]
    shop.run("registry", "integrity", code=0)
    for project in (shop, blog):
        project.down()
        project.up()
    assert (shop.port("api"), blog.port("api")) == (30101, 30201)


def test_what_runs_in_the_place_of_another_is_ended_first(world):
    shop, blog = stacked(world, "shop"), stacked(world, "blog")
    shop.up()
    shop.down()
    copy = backup(shop)["file"]
    shop.run("registry", "set", "block=7", code=0)
    blog.run("registry", "add", "block=1", code=0)
    blog.up()
    refused = shop.run("registry", "restore", copy, "--yes", code=1)
    assert "'blog' runs, and in the copy 'shop' has its place" in refused.err and "stackup down -p blog --all" in refused.err
    assert not list(world.home.glob("registry.db.before-restore-*")) and projects(shop)["shop"]["block"] == 7
    blog.down()
    shop.run("registry", "restore", copy, "--yes", code=0)
    assert projects(shop)["shop"]["block"] == 1 and set(projects(shop)) == {"shop"}


def test_ids_are_not_given_again_after_a_restore(world):
    """Lock files are named after them."""
    shop, blog, bank = (stacked(world, name) for name in ("shop", "blog", "bank"))
    shop.run("registry", "add", code=0)
    copy = backup(shop)["file"]
    blog.run("registry", "add", code=0)
    lost = projects(shop)["blog"]["id"]
    restore(shop, copy)
    bank.run("registry", "add", code=0)
    assert projects(shop)["bank"]["id"] > lost


def test_an_instance_that_ran_when_it_was_copied_has_not_crashed(world):
    shop = stacked(world, "shop")
    shop.up()
    copy = backup(shop)["file"]
    shop.down()
    restore(shop, copy)
    assert projects(shop)["shop"]["instances"][0]["status"] == "stopped"
    assert "without being stopped" not in shop.up().err


@pytest.mark.parametrize("make, text, code", [
    (lambda p: p.write_text("[stack]\n" * 200), "is no registry of stackup", 1),
    (lambda p: p.write_bytes(b""), "it has no version", 1),
    (lambda p: p.mkdir(), "is not a file", 1),
    (lambda p: None, "No such file or directory", 4),
    (lambda p: changed(None, "CREATE TABLE t (a)", "PRAGMA user_version = 3", path=p), "its tables are others", 1)],
    ids=["text", "empty", "directory", "absent", "tables"])
def test_what_is_no_registry_is_not_restored(world, make, text, code):
    shop = stacked(world, "shop")
    shop.up()
    make(world.root / "copy.db")
    refuses(shop, world.root / "copy.db", text, code)


def refuses(shop, file, text, code):
    before = sorted(p.name for p in shop.world.home.iterdir())
    assert text in shop.run("registry", "restore", file, "--yes", code=code).err
    assert sorted(p.name for p in shop.world.home.iterdir()) == before
    shop.run("registry", "integrity", code=0)


@pytest.mark.parametrize("statement, text", [
    ("CREATE TRIGGER t AFTER INSERT ON audit BEGIN DELETE FROM projects; END", "its tables are others"),
    ("CREATE VIEW v AS SELECT * FROM projects", "its tables are others"), ("DROP TABLE slots", "its tables are others"),
    ("PRAGMA user_version = 999", "has version 999, written by a newer stackup")])
def test_a_copy_that_somebody_changed_is_not_restored(world, statement, text):
    shop = stacked(world, "shop")
    shop.run("registry", "add", code=0)
    copy = backup(shop)["file"]
    changed(None, statement, path=copy)
    refuses(shop, copy, text, 1)


CONTRADICTIONS = [
    ("UPDATE projects SET block = 2 WHERE name = 'shop'", "block_owner", "project 'shop' has block 2, which belongs to 'blog'"),
    ("UPDATE blocks SET block = 400 WHERE block = 2", "block_range", "block 400 of project 'blog' is outside the ports that there are"),
    ("DELETE FROM settings WHERE name = 'ports_base'", "ports_base", "it is not known from which port"),
    ("UPDATE projects SET path = 'shop' WHERE name = 'shop'", "project_words", "a path that is not absolute: 'shop'"),
    ("INSERT INTO instances (project_id, instance, block, worktree, status, created_at, last_used_at) SELECT 77, 4, block, worktree, "
     "status, created_at, last_used_at FROM instances", "instance_project", "instance 4 belongs to project 77, which is not there"),
    ("UPDATE instances SET spans = 11", "instance_number", "takes 11 ranges of ports"),
    ("UPDATE instances SET block = 9", "instance_block", "instance 1 of 'shop' is in block 9, which is not a block of the project"),
    ("UPDATE instances SET spans = 2; INSERT INTO instances (project_id, instance, block, worktree, status, created_at, last_used_at) "
     "SELECT project_id, 2, block, worktree, status, created_at, last_used_at FROM instances", "instance_overlap",
     "instances 1 and 2 of 'shop' overlap"),
    ("UPDATE leases SET instance = 5 WHERE port = 30101", "lease_instance", "port 30101 is leased to instance 5 of 'shop', which is not there"),
    ("UPDATE leases SET port = 30277 WHERE port = 30101", "lease_home", "port 30277 is leased to instance 1 of 'shop' as its own, but its "
     "ports are 30100-30109"),
    ("INSERT INTO slots VALUES (1, 'x', 'main', 100)", "slot_range", "slot 100 of service 'x' of 'shop' is outside"),
    ("INSERT INTO slots VALUES (1, 'x', 'main', 3), (1, 'y', 'main', 3)", "slot_twice", "slot 3 of 'shop' belongs to 'x' and 'y'"),
    ("UPDATE projects SET created_at = 'yesterday'", "project_time", "created 'yesterday'"),
    ("UPDATE instances SET last_used_at = '2026-13'", "instance_time", "last used '2026-13'"),
]


@pytest.mark.parametrize("statements, check, text", CONTRADICTIONS, ids=[c[1] for c in CONTRADICTIONS])
def test_each_contradiction_is_a_sentence(world, statements, check, text):
    shop, blog = stacked(world, "shop"), stacked(world, "blog")
    shop.up()
    blog.run("registry", "add", code=0)
    assert "the registry is sound" in shop.run("registry", "integrity", code=0).out
    changed(world, "PRAGMA foreign_keys = OFF", *statements.split("; "))
    found = shop.run("registry", "integrity", "--json", code=7).json
    assert not found["sound"]
    assert [p["text"] for p in found["problems"] if p["check"] == check and text in p["text"]], found
    people = shop.run("registry", "integrity", code=7).out
    assert text in people and "the next stackup up makes a new one" in people


def test_nothing_that_stackup_does_is_a_contradiction(world):
    """Moves, numbers of the caller, of the pool and of nobody's range, several ranges, and an archived project."""
    shop = world.project("shop")
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service told]
        command = ACTOR --listen
        slot = 3
        env_var = TOLD_PORT
        [service pooled]
        command = ACTOR --listen
        port = pool
        [service fixed]
        command = ACTOR --listen
        port = 8123
        [service auto]
        command = ACTOR --listen
        slot = auto
    """)
    shop.run("up", "--wait", env={"TOLD_PORT": "31999"}, code=0)
    assert shop.port("told") == 31999
    sound = lambda: shop.run("registry", "integrity", code=0)  # noqa: E731
    sound()
    shop.run("ports", "move", "api", "30105", code=0)
    sound()
    shop.run("ports", "move", "fixed", "30106", code=0)
    sound()
    shop.down()
    sound()
    shop.run("--instance", "12", "up", "--wait", code=0)
    sound()
    shop.run("--instance", "12", "down", code=0)
    shop.run("registry", "set", "block=5", code=0)
    sound()
    shop.run("registry", "archive", code=0)
    other = stacked(world, "other")
    other.run("registry", "add", "block=5", code=0)
    sound()


def test_the_fix_names_the_newest_copy(world):
    shop = stacked(world, "shop")
    shop.run("registry", "add", code=0)
    backup(shop)
    newest = backup(shop)["file"]
    changed(world, "UPDATE projects SET created_at = ''")
    fix = shop.run("registry", "integrity", code=7).out.splitlines()[-1]
    assert fix == f"fix: stackup registry restore {newest}"
    shop.run("registry", "restore", newest, "--yes", code=0)
    assert shop.run("registry", "integrity", "--json", code=0).json == {
        "version": 1, "sound": True, "schema": backup(shop)["schema"], "problems": []}


def test_a_restored_registry_is_there_for_who_waits(world):
    """Restores and launches at the same moment take turns; nothing is lost of what was acknowledged after the last one."""
    shop = stacked(world, "shop")
    shop.run("registry", "add", code=0)
    copy = backup(shop)["file"]
    others = [stacked(world, f"p{i}") for i in range(4)]
    processes = [p.world.popen("registry", "add", cwd=p.dir) for p in others]
    processes += [world.popen("registry", "restore", copy, "--yes", cwd=shop.dir) for _ in range(3)]
    until(lambda: all(p.poll() is not None for p in processes), 60)
    assert [p.returncode for p in processes] == [0] * 7
    shop.run("registry", "integrity", code=0)
    assert "shop" in projects(shop)
    stacked(world, "late").run("registry", "add", code=0)
    assert "late" in projects(shop)
