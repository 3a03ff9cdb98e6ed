"""The registry's file is damaged, gone or another one: what runs goes on and is known again."""
import contextlib
import os
import shutil
import sqlite3

import pytest
from harness import SOURCE
from registry_parts import STACK, ask, at_rest, beside, file_of, opened, running, runs_on, settle, version_of


def garbage(path):
    path.write_bytes(os.urandom(path.stat().st_size))


def empty(path):
    path.write_bytes(b"")


def truncated(path):
    os.truncate(path, 6000)


def bad_page(path):
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * 4096)


@pytest.mark.parametrize("damage", [garbage, empty, truncated], ids=lambda d: d.__name__)
def test_fault_F1_a_damaged_file_is_set_aside_and_rebuilt(shop, damage):
    pid, port = running(shop)
    with at_rest(shop):
        settle(shop)
        damage(file_of(shop))
    said = shop.run("status", code=0)
    assert "the registry was damaged; it is kept as" in said.err and "made from the records of 1 instance" in said.err
    assert len(beside(shop, "corrupt")) == 1
    runs_on(shop, pid, port)
    assert "damaged" not in shop.run("registry", "list", code=0).err
    assert [l["service"] for l in shop.run("ports", "list", "--json", code=0).json["listeners"] if l["lease"]
            for l in [l["lease"]]] == ["api"]
    other = shop.world.project("other")
    other.stack(STACK)
    other.up()
    assert other.port("api") != port
    shop.run("registry", "integrity", code=0)
    shop.down()
    assert shop.up().err.count("damaged") == 0 and shop.port("api") == port


@pytest.mark.parametrize("verb", [("status",), ("down",), ("up", "-d"), ("ports", "list"), ("registry", "list"), ("ports", "who", "1")],
                         ids="-".join)
def test_fault_F1_whatever_is_asked_first_mends_it(shop, verb):
    running(shop)
    with at_rest(shop):
        settle(shop)
        garbage(file_of(shop))
    said = shop.run(*verb)
    assert said.code in (0, 4) and said.err.count("the registry was damaged") == 1, said
    shop.down()


def test_fault_F2_one_bad_page(shop):
    pid, port = running(shop)
    with at_rest(shop):
        settle(shop)
        bad_page(file_of(shop))
        checked = shop.run("registry", "integrity", "--json", code=7).json
        assert not checked["sound"] and checked["problems"]
        assert not beside(shop, "corrupt")
    assert "the registry was damaged" in shop.run("status", code=0).err
    runs_on(shop, pid, port)
    assert len(beside(shop, "corrupt")) == 1
    shop.run("registry", "integrity", code=0)


def test_fault_F3_deleted_while_it_runs(shop):
    pid, port = running(shop)
    with at_rest(shop):
        for path in shop.world.home.glob("registry.db*"):
            path.unlink()
    said = shop.run("status", code=0)
    assert "the registry was gone; a new one was made from the records of 1 instance" in said.err
    runs_on(shop, pid, port)
    with at_rest(shop):
        for path in shop.world.home.glob("registry.db*"):
            path.unlink()
    shop.run("restart", "api", code=0)
    shop.down()
    shop.up()
    assert shop.port("api") == port


@pytest.mark.parametrize("kind", ["-wal", "-shm"])
def test_fault_F4_the_log_is_deleted(shop, kind):
    pid, port = running(shop)
    with at_rest(shop):
        (shop.world.home / f"registry.db{kind}").unlink(missing_ok=True)
        assert "running" in shop.run("registry", "list", code=0).out
    runs_on(shop, pid, port)
    shop.run("registry", "integrity", code=0)
    shop.down()
    shop.up()
    assert shop.port("api") == port
    shop.run("registry", "integrity", code=0)


def test_fault_F9_a_newer_version_is_read_and_never_written(shop):
    pid, port = running(shop)
    version = version_of(shop)
    with at_rest(shop), opened(shop) as db:
        db.execute("PRAGMA user_version = 999")
        db.execute("ALTER TABLE projects ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'")
    settle(shop)
    before = file_of(shop).read_bytes()
    runs_on(shop, pid, port)
    assert "shop" in shop.run("registry", "list", code=0).out
    shop.run("restart", "api", code=0)
    other = shop.world.project("other")
    other.stack(STACK)
    refused = other.run("up", "-d", code=7)
    assert f"has version 999, written by a newer stackup; this one knows version {version}" in refused.err
    assert "of a newer stackup" in shop.run("registry", "integrity", code=0).out
    copy = shop.run("registry", "backup", code=0).out.strip()
    assert "newer stackup" in shop.run("registry", "restore", copy, "--yes", code=1).err
    shop.down()
    settle(shop)
    assert file_of(shop).read_bytes() == before and not beside(shop, "corrupt")


def test_fault_F10_an_older_version_is_copied_and_brought_forward(shop):
    """What a kill leaves, at every call, is tried in the unit tests; here a file of the first version meets this program."""
    with opened(shop) as db:
        db.executescript((SOURCE / "supervisor/registry/schema.sql").read_text())
        db.execute("INSERT INTO projects (block, name, path, stack_name, owner, created_at, last_used_at) VALUES (7, 'shop', ?, 'shop', 'ann', "
                   "'2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z')", (str(shop.dir),))
        db.execute("INSERT INTO blocks VALUES (7, 1, 0)")
        db.execute("PRAGMA user_version = 1")
    file_of(shop).chmod(0o600)
    assert shop.run("registry", "list", "--json", code=0).json["projects"][0]["block"] == 7
    assert version_of(shop) == 1
    running(shop)
    assert shop.port("api") == 30701 and version_of(shop) > 1
    copy, = beside(shop, "before-version")
    with contextlib.closing(sqlite3.connect(copy)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        assert old.execute("SELECT owner FROM projects").fetchall() == [("ann",)]
    said = shop.run("registry", "restore", str(copy), "--yes", code=0)
    assert "= project shop, as it is now: it runs" in said.out
    assert shop.run("registry", "show", "--json", code=0).json["project"]["owner"] == "ann"


@pytest.mark.parametrize("spoil, text, hint", [
    (lambda p: p.chmod(0o666), "is open to other users (mode 666)", "chmod 600"),
    (lambda p: (p.rename(p.parent / "real.db"), p.symlink_to("real.db")), "is a symbolic link, which cannot be trusted", "STACKUP_HOME"),
    (lambda p: p.parent.chmod(0o777), "is open to other users (mode 777)", "chmod 700"),
    (lambda p: os.chown(p, 12345, 12345), "belongs to user 12345, not to you", "work as its owner")],
    ids=["mode", "link", "directory", "owner"])
def test_fault_F11_a_file_of_others_is_refused(shop, spoil, text, hint):
    if "belongs" in text and os.getuid() != 0:
        pytest.skip("needs root to give a file away")
    pid, _ = running(shop)
    path, aside = file_of(shop), shop.world.root / "kept"
    aside.mkdir()
    for file in shop.world.home.glob("registry.db*"):
        shutil.copy2(file, aside)
    spoil(path)
    refused = shop.world.project("other")
    refused.stack(STACK)
    said = refused.run("up", "-d", code=7)
    assert text in said.err and hint in said.err, said
    assert os.path.exists(f"/proc/{pid}")
    shop.world.home.chmod(0o700)
    if path.is_symlink():
        path.unlink()
        (path.parent / "real.db").rename(path)
    path.chmod(0o600)
    os.chown(path, os.getuid(), os.getgid())
    shop.down()


def test_fault_F15_the_file_is_whole_for_another_sqlite(shop):
    """Python's own library reads and writes it beside us; both see what the other did."""
    running(shop)
    for turn in range(20):
        with opened(shop) as db:
            db.execute("UPDATE projects SET owner = ?", (f"turn {turn}",))
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert shop.run("registry", "list", "--json", code=0).json["projects"][0]["owner"] == f"turn {turn}"
        shop.run("registry", "set", f"notes=turn {turn}", code=0)
        assert ask(shop, "SELECT notes FROM projects") == [(f"turn {turn}",)]
    shop.run("registry", "integrity", code=0)


@pytest.mark.parametrize("name", ["a b", "\xe9t\xe9 \u2713", "new\nline", "q?x#%41'\"", "d" * 200 + "/" + "e" * 200],
                         ids=["space", "unicode", "newline", "signs", "long"])
def test_fault_F23_awkward_places(shop, name):
    home = shop.world.root / name
    home.parent.mkdir(exist_ok=True, parents=True)
    shop.world.env["STACKUP_HOME"] = str(home)
    shop.world.home = home
    pid, port = running(shop)
    runs_on(shop, pid, port)
    shop.run("registry", "integrity", code=0)
    copy = shop.run("registry", "backup", "--json", code=0).json["backup"]["file"]
    assert os.path.exists(copy)
    shop.run("registry", "restore", copy, "--yes", code=0)
    runs_on(shop, pid, port)
    shop.down()
