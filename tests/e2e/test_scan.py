"""`stackup scan`: what stands in files, in whose way it is, and that looking changes nothing."""
import json
import os
import sqlite3

import pytest


def tree(shop, **files):
    for name, text in files.items():
        path = shop.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def scan(shop, *args, code=0):
    result = shop.run("scan", *args, "--json", code=code)
    assert result.json["version"] == 1
    return result.json


def kinds(found):
    return [(c["kind"], c["port"]) for c in found["conflicts"]]


def test_row_D1_a_finding_has_its_exact_place(shop):
    text = "# grüße 🚀\nservices:\n  api:\n    ports: ['127.0.0.1:${API_PORT:-8000}:80']\n"
    tree(shop, **{"compose.yml": text})
    found = scan(shop, str(shop.dir))["findings"]
    assert [(f["value"], f["kind"], f["role"]) for f in found] == [
        ("127.0.0.1", "ipv4", "publish"), ("8000", "port", "publish"), ("80", "port", "target")]
    for f in found:
        assert text.encode()[f["start"]:f["end"]].decode() == f["value"]
        assert text.split("\n")[f["line"] - 1][f["column"] - 1:].startswith(f["value"])
        assert f["file"] == "compose.yml" and f["service"] == "api" and not f["in_comment"]
    assert [f["variable"] for f in found] == [None, "API_PORT", None]
    assert 0 < found[0]["confidence"] <= 1
    assert os.listdir(shop.world.home) == [], "only reads"


def test_row_D2_projects_in_each_others_way(shop):
    tree(shop, **{"one/.env": "PORT=8000\n", "two/compose.yml": "services:\n  web:\n    ports: ['8000:80']\n",
                  "three/.env": "API=http://localhost:9999/\n"})
    found = scan(shop, str(shop.dir))
    assert kinds(found) == [("same_port", 8000), ("nobody_listens", 9999)]
    assert {p["project"] for p in found["conflicts"][0]["places"]} == {"one", "two"}
    assert kinds(scan(shop, str(shop.dir), "--ci", code=5)) == kinds(found)
    assert shop.run("scan", str(shop.dir / "one"), "--ci", code=0).err.count("0 conflicts") == 1
    shown = shop.run("scan", "-q", str(shop.dir), code=0)
    assert shown.out.startswith("conflict: 2 projects use port 8000: ") and "notice: three" in shown.out and shown.err == ""


def test_row_D7_files_against_the_registry(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
    """)
    shop.run("registry", "add", code=0)
    shop.run("ports", "reserve", "9100", "--for", "the printer", code=0)
    tree(shop, **{".env": "API_PORT=9100\n"})
    assert kinds(scan(shop)) == []
    found = scan(shop, "--integrity", code=3)
    assert kinds(found) == [("registry", 9100)] and "the printer" in found["conflicts"][0]["text"]


def rows(shop):
    with sqlite3.connect(f"file:{shop.world.home}/registry.db?mode=ro", uri=True) as db:
        return db.execute("SELECT instance, service_name, port_name, external_ip, internal_port, external_port, protocol, "
                          "status, config_files FROM services ORDER BY service_name, port_name").fetchall()


def test_what_projects_hold_is_in_the_registry(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        slot = api
    """)
    tree(shop, **{"compose.yml": "services:\n  web:\n    ports: ['127.0.0.1:8080:80', '5353:53/udp']\n",
                  "compose.dev.yml": "services: {web: {ports: ['8080:80']}}\n", ".env": "#PORT=1\nPORT=8000\nDB_PORT=5432\n"})
    shop.run("scan", code=0)
    assert os.listdir(shop.world.home) == [], "nobody is registered"
    shop.run("registry", "add", code=0)
    shop.run("scan", code=0)
    expected = [(0, shop.name, "main", "", 8000, 8000, "tcp", "found", ".env"),
                (0, "web", "5353", "", 53, 5353, "udp", "found", "compose.yml"),
                (0, "web", "main", "", 80, 8080, "tcp", "found", "compose.dev.yml\ncompose.yml")]
    assert sorted(rows(shop)) == sorted(expected)
    shop.run("registry", "verify", code=0)
    assert "8080" not in shop.run("registry", "export", "--format", "json", code=0).out
    (shop.dir / "compose.yml").unlink()
    (shop.dir / "compose.dev.yml").unlink()
    shop.run("scan", code=0)
    assert rows(shop) == expected[:1]
    shop.up()
    shop.run("scan", code=0)
    assert [r[7] for r in rows(shop)] == ["active", "found"]
    (shop.dir / ".env").unlink()
    shop.run("scan", code=0)
    assert [r[7] for r in rows(shop)] == ["active"]


def test_without_a_directory_the_registered_projects(shop, tmp_path):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        port = 8123
    """)
    shop.run("registry", "add", code=0)
    found = scan(shop, "-C", str(tmp_path))["findings"]
    assert [(f["dir"], f["file"], f["value"]) for f in found] == [(str(shop.dir.resolve()), "stack.ini", "8123")]


def test_what_files_say_cannot_drive_a_terminal(shop):
    tree(shop, **{"a\x1b[31m/.env": "PORT=8000\n", "b/.env": "\x1b]0;x\x07_PORT=8000\n"})
    result = shop.run("scan", str(shop.dir), code=0)
    assert "\x1b" not in result.out + result.err and "8000" in result.out
    assert "\x1b" not in shop.run("scan", str(shop.dir), "--json", code=0).out


@pytest.mark.parametrize("word", ["missing", "a-file"])
def test_what_is_no_directory_is_refused(shop, word):
    tree(shop, **{"a-file": "x"})
    result = shop.run("scan", word, "--json", code=1)
    assert word in json.loads(result.out)["error"]["text"]
