"""`registry add`, `set`, `archive`: projects before, beside and after their instances."""
import contextlib
import sqlite3

import pytest

STACK = "[service api]\ncommand = ACTOR --listen\n"


def projects(shop):
    return {p["name"]: p for p in shop.run("registry", "list", "--json", code=0).json["projects"]}


def stacked(world, name, head=""):
    project = world.project(name)
    project.stack(head + STACK)
    return project


def test_add_takes_the_block_that_the_first_up_then_has(world):
    shop, blog = stacked(world, "shop", "[stack]\nowner = anna\n"), stacked(world, "blog")
    assert shop.run("registry", "add", "status=reserved", "notes=starts in May", code=0).out == (
        "shop: block 1, ports 30100-30199, reserved\n")
    blog.up()
    assert blog.port("api") == 30201
    added = projects(shop)["shop"]
    assert (added["status"], added["owner"], added["notes"], added["instances"]) == ("reserved", "anna", "starts in May", [])
    shop.up()
    assert shop.port("api") == 30101 and projects(shop)["shop"]["status"] == "active"
    again = shop.run("registry", "add", code=1)
    assert "registered already, with block 1" in again.err and "registry set" in again.err


def test_add_without_a_stack_file_is_by_the_directory(world):
    empty = world.project("future")
    said = empty.run("registry", "add", "block=12", "owner=team b", "--json", code=0).json["project"]
    assert (said["name"], said["path"], said["block"], said["owner"]) == ("future", str(empty.dir), 12, "team b")
    assert empty.run("registry", "show", "--json", code=0).json["project"]["block"] == 12
    empty.stack(STACK)
    empty.up()
    assert empty.port("api") == 31201


def test_add_follows_the_block_of_the_stack_file(world):
    shop = stacked(world, "shop", "[stack]\nblock = 40\n")
    assert shop.run("registry", "add", "--json", code=0).json["project"]["block"] == 40
    blog = stacked(world, "blog")
    refused = blog.run("registry", "add", "block=40", code=5)
    assert str(shop.dir) in refused.err and str(blog.dir) in refused.err
    assert set(projects(shop)) == {"shop"}


def test_set_changes_what_is_said(world):
    shop = stacked(world, "shop")
    shop.up()
    shop.run("registry", "set", "status=legacy", "owner=anna", code=0)
    shop.run("registry", "set", "shop", "notes=a | b", cwd=world.root, code=0)
    now = projects(shop)["shop"]
    assert (now["status"], now["owner"], now["notes"]) == ("legacy", "anna", "a | b")
    refused = shop.run("registry", "set", "block=7", code=1)
    assert "runs" in refused.err and "stackup down -p shop --all" in refused.err
    shop.down()
    assert "legacy" in shop.run("registry", "list", code=0).out
    assert shop.run("registry", "set", "block=7", code=0).out == "shop: block 7, ports 30700-30799, legacy\n"
    shop.up()
    assert shop.port("api") == 30701 and projects(shop)["shop"]["status"] == "legacy"


@pytest.mark.parametrize("words, text, code", [
    (["status=archivd"], "did you mean 'archived'", 2), (["staus=active"], "did you mean status=", 2),
    (["block=x"], "use 0 to 354", 2), (["block=105"], "there is no such block", 2), (["shop"], "what to set", 2),
    (["shopp", "owner=a"], "did you mean 'shop'", 4), (["shop", "extra", "owner=a"], "says nothing about a project", 2)])
def test_what_cannot_be_set_is_told(world, words, text, code):
    shop = stacked(world, "shop")
    shop.run("registry", "add", code=0)
    before = projects(shop)
    refused = shop.run("registry", "set", *words, code=code)
    assert text in refused.err, refused
    assert projects(shop) == before


def test_archive_is_refused_while_it_runs_and_undone_by_up(world):
    shop = stacked(world, "shop")
    shop.up()
    assert "runs and cannot be archived" in shop.run("registry", "archive", code=1).err
    shop.down()
    assert shop.run("registry", "archive", "shop", cwd=world.root, code=0).out.endswith(", archived\n")
    other = stacked(world, "other")
    other.up()
    assert other.port("api") == 30201
    said = shop.up()
    assert "it is active again" in said.err and shop.port("api") == 30101


def test_an_archived_project_gives_its_block_to_who_needs_it(world):
    shop, other = stacked(world, "shop"), stacked(world, "other", "[stack]\nblock = 1\n")
    shop.up()
    shop.down()
    shop.run("registry", "archive", code=0)
    other.up()
    assert other.port("api") == 30101 and projects(shop)["shop"]["blocks"] == []
    shop.up()
    assert shop.port("api") == 30201
    now = projects(shop)
    assert (now["shop"]["block"], now["shop"]["blocks"], now["other"]["blocks"]) == (2, [2], [1])


def test_the_last_blocks_are_those_of_archived_projects(world):
    own = world.root / "user/.config/stackup/config.ini"
    own.parent.mkdir(parents=True)
    own.write_text("[ports]\nbase = 55500\n")  # a hundred blocks up to the last port
    old, late = world.project("old"), world.project("late")
    old.run("registry", "add", code=0)
    old.run("registry", "archive", code=0)
    with contextlib.closing(sqlite3.connect(world.home / "registry.db")) as db, db:
        db.execute("INSERT INTO projects (id, block, name, path, stack_name, created_at, last_used_at) "
                   "VALUES (99, 2, 'all', '/all', 'all', '', '')")
        db.executemany("INSERT INTO blocks (block, project_id, ordinal) VALUES (?1, 99, ?1)", [(b,) for b in range(2, 100)])
    assert late.run("registry", "add", "--json", code=0).json["project"]["block"] == 1
    refused = world.project("none").run("registry", "add", code=5)
    assert "all blocks of ports belong to projects already" in refused.err
