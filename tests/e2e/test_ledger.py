"""The registry as a document: `registry export`, `import`, and files that follow it."""
import csv
import io
import json
import shutil
import stat

import pytest
from harness import World, git, kill_supervisor, until

STACK = "[service api]\ncommand = ACTOR --listen\n[service web]\ncommand = ACTOR --listen\nslot = auto\n"
FORMATS = ("json", "markdown", "csv")
# What a directory may be called, and what people say about it.
AWKWARD = ["plain", "a|b", "a\\|b", "`ticks`", "``two``", "*bold*", "_under_", "__x__", "[link](y)", "<br>", "&amp;",
           "&#10;", "~~gone~~", "two words", " blanks ", "-", "--", "\u2014", "na,comma", "semi;colon", "\"quoted\"", "it's",
           "=1+1", "@x", "#5", "line\nbreak", "tab\tbed", "\u00e4\u00f6 \u65e5\u672c\u8a9e \U0001f418", "-dash", "x" * 60, "shop-2", "|", "\\", "$HOME", "%s%n"]


@pytest.fixture
def other(world):
    """A second registry on the same machine, with the same files and ports."""
    root = world.root / "other"
    root.mkdir()
    made = World(root, world.uid)
    yield made
    made.finish()


def export(world, form="json", **options):
    return world.run("registry", "export", "--format", form, code=0, **options).out


def rows(document, heading):
    """Cells of the markdown table that has this first heading."""
    lines = document.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    found = []
    for line in lines[start + 2:]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def imported(world, text, *args, name="ports.md", code=0):
    path = world.root / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    return world.run("registry", "import", path, *args, code=code)


def projects(world):
    return {p["name"]: p for p in world.run("registry", "list", "--json", code=0).json["projects"]}


def awkward_registry(world):
    for i, word in enumerate(AWKWARD):
        project = world.project(f"{i:02} {word}")
        project.run("registry", "add", f"owner={word}", f"notes={word}", f"status={('active', 'reserved', 'legacy', 'archived')[i % 4]}", code=0)
    shop = world.project("shop")
    shop.stack(STACK)
    shop.up("--purpose", "a | b")
    shop.up("-i", "3", "--env", "staging")
    shop.down("--all")
    shop.run("ports", "reserve", "api", "-i", "5", "--for", "anna", "--note", "a|b", code=0)
    shop.run("ports", "reserve", "30055", "--for", "somebody else", code=0)
    return shop


# ---- what is written ----------------------------------------------------------------------------

def test_row_R3_the_team_s_tables(world):
    shop = world.project("shop")
    shop.stack("[stack]\nowner = Anna | Ben\n" + STACK)
    shop.up()
    shop.up("-i", "3", "--purpose", "sign-up")
    day = projects(world)["shop"]["created_at"][:10]
    assert export(world, "markdown").splitlines() == [
        "# Ports", "",
        "| Project Name | Block | Ports | Path | Status | Owner | Date |",
        "|---|--:|---|---|---|---|---|",
        f"| shop | 1 | 30100-30199 | {shop.dir} | active | Anna \\| Ben | {day} |",
        "", "## Instances", "",
        "| Project | Instance | Ports | Purpose | Status | Branch/Environment |",
        "|---|--:|---|---|---|---|",
        "| shop | 1 | 30100-30109 | development | running | development |",
        "| shop | 3 | 30120-30129 | sign-up | running | development |"]


def test_json_has_all_that_the_list_has_and_more(world):
    shop = awkward_registry(world)
    shop.up("-i", "1")
    listed, whole = world.run("registry", "list", "--json", code=0).json, json.loads(export(world))
    assert whole["version"] == 1 and whole["ports_base"] == 30000
    base = next(p for p in listed["projects"] if p["name"] == "shop")["base_port"]
    assert [r["port"] for r in whole["reservations"]] == [30055, base + 41]
    for a, b in zip(listed["projects"], whole["projects"], strict=True):
        assert {k: v for k, v in a.items() if k != "instances"}.items() <= b.items()
        for i, k in zip(a["instances"], b["instances"], strict=True):
            assert i.items() <= k.items()
    mine = next(p for p in whole["projects"] if p["name"] == "shop")
    assert mine["slots"] == [{"service": "web", "name": "main", "slot": 0}]
    first = mine["instances"][0]
    assert [(s["service"], s["port"], s["status"]) for s in first["services"]] == [("api", base + 1, "active"), ("web", base, "active")]
    assert {l["port"] for l in first["leases"]} == set(range(base, base + 10)) and mine["instances"][1]["leases"] == []


def test_csv_is_read_by_others(world):
    awkward_registry(world)
    read = list(csv.DictReader(io.StringIO(export(world, "csv"), newline="")))
    known = projects(world)
    assert [r["project"] for r in read if not r["instance"]] == list(known)
    assert all(known[r["project"]]["notes"] == r["notes"] and known[r["project"]]["path"] == r["path"]
               for r in read if not r["instance"])
    base = known["shop"]["base_port"]
    assert [(r["instance"], r["ports"], r["environment"]) for r in read if r["instance"]] == [
        ("1", f"{base}-{base + 9}", "development"), ("3", f"{base + 20}-{base + 29}", "staging")]


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_imports_into_an_empty_home_and_exports_the_same(world, other, form):
    awkward_registry(world)
    document = export(world, form)
    path = world.root / "document"
    path.write_bytes(document.encode(errors="surrogateescape"))
    said = other.run("registry", "import", path, code=0)  # the content tells the format
    assert said.err.count("does not exist") == 0 and said.out == (
        f"added: {len(AWKWARD) + 1} projects, 2 instances" + (", 2 reservations\n" if form == "json" else "\n"))
    assert export(other, form) == document
    again = other.run("registry", "import", path, code=0).out
    assert again.startswith("there already: ") and "added" not in again and "changed" not in again
    assert export(other, form) == document
    if form == "json":
        assert export(other, "markdown") == export(world, "markdown") and export(other, "csv") == export(world, "csv")


def test_what_was_imported_is_used(world, other):
    shop = world.project("shop")
    shop.stack(STACK)
    world.project("first").run("registry", "add", code=0)
    shop.up()
    shop.down()
    other.run("registry", "import", "-", input=export(world, "markdown"), code=0)
    other.run("up", "--wait", cwd=shop.dir, code=0)
    assert other.run("port", "api", cwd=shop.dir, code=0).out == "30201\n"
    assert len(projects(other)) == 2


def test_output_goes_to_a_file_by_its_name(world):
    shop = world.project("shop")
    shop.run("registry", "add", code=0)
    target = world.root / "real.md"
    target.write_text("old")
    target.chmod(0o664)
    link = world.root / "ports.md"
    link.symlink_to(target)
    assert shop.run("registry", "export", "-o", link, code=0).out == ""
    assert link.is_symlink() and target.read_text() == export(world, "markdown")
    assert stat.S_IMODE(target.stat().st_mode) == 0o664
    for name, form in (("a.json", "json"), ("a.csv", "csv"), ("a", "markdown")):
        shop.run("registry", "export", "-o", world.root / name, code=0)
        assert (world.root / name).read_bytes().decode() == export(world, form)
    refused = shop.run("registry", "export", "-o", world.root / "missing/a.md", code=1)
    assert "cannot write" in refused.err
    assert "json, markdown or csv" in shop.run("registry", "export", "--format", "toml", code=2).err
    assert not [p.name for p in world.root.iterdir() if ".new" in p.name]


# ---- what is read -------------------------------------------------------------------------------

def test_a_hand_written_table(world):
    for name in ("shop", "blog", "old"):
        world.project(name)
    root = world.root / "projects"
    said = imported(world, f"""# Our ports

Please keep this up to date! | really

| Owner | PROJECT NAME | Ports | Path | Status | Date |
|:------|:------------:|------:|------|--------|------|
| Anna  | **shop** | 305xx | `{root}/shop/` | In use | 31.1.2025 |
| Ben   | blog | 30700 - 30799 | {root}/blog | Planned | Jan 5, 2024 |
| -     | - | 30800-30899 | - | free | - |
|       | old | 30900, 30901, 30910-30919 | {root}/old | deprecated | 04/05/2024 |

| Project | Instance | Ports | Purpose | Branch/Environment |
|---|---|---|---|---|
| shop | 1 | 30500-30509 | daily work | main |
| shop | #3 | 3052x | sign-up | feature/auth |
| shop | | 30540 | | staging |
""")
    assert said.out == "added: 3 projects, 3 instances\n"
    assert said.err.startswith(f"{world.root}/ports.md:10: warning: '04/05/2024' may be two days") and said.err.count("\n") == 1
    known = projects(world)
    shop, blog, old = known["shop"], known["blog"], known["old"]
    assert (shop["block"], shop["owner"], shop["status"], shop["path"], shop["created_at"][:10]) == (
        5, "Anna", "active", str(root / "shop"), "2025-01-31")
    assert (blog["block"], blog["status"], blog["created_at"][:10]) == (7, "reserved", "2024-01-05")
    assert (old["block"], old["status"], old["owner"]) == (9, "legacy", "")
    assert [(i["instance"], i["purpose"], i["branch"], i["environment"], i["status"]) for i in shop["instances"]] == [
        (1, "daily work", "main", "development", "stopped"), (3, "sign-up", "feature/auth", "development", "stopped"),
        (5, "staging", "", "staging", "stopped")]


def test_a_project_without_a_path_waits_for_its_stack(world):
    said = imported(world, "| Project | Block | Status |\n|---|---|---|\n| shop | 12 | planned |\n| blog | 13 | active |\n")
    assert said.err.count("has no path") == 1 and projects(world)["blog"]["status"] == "reserved"
    shop, blog = world.project("shop"), world.project("blog")
    shop.stack(STACK)
    assert shop.run("port", "api", code=0).out == "31201\n"  # before anything is written
    assert f"it is that of {shop.dir} now, with block 12" in shop.up().err
    assert shop.port("api") == 31201
    now = projects(world)
    assert (now["shop"]["path"], now["shop"]["status"]) == (str(shop.dir), "active") and len(now) == 2
    assert "block 13" in blog.run("registry", "add", code=0).out
    assert projects(world)["blog"]["path"] == str(blog.dir)


def test_an_instance_is_that_of_the_worktree_with_its_branch(world):
    shop = world.project("shop")
    shop.stack(STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["worktree", "add", "-q", "-b", "feature/auth", "../auth"],
                 ["worktree", "add", "-q", "-b", "feature/pay", "../pay"]):
        git(shop.dir, *args)
    imported(world, f"| Project | Block | Path |\n|---|---|---|\n| shop | 3 | {shop.dir} |\n\n"
                    "| Project | Instance | Branch/Environment |\n|---|---|---|\n"
                    "| shop | 1 | main |\n| shop | 7 | feature/auth |\n| shop | 8 | feature/gone |\n")
    for name, number in (("shop", 1), ("auth", 7), ("pay", 3)):
        tree = world.project(name)
        tree.up()
        assert tree.instance()["instance"] == number and tree.port("api") == 30301 + 10 * (number - 1)
    said = imported(world, "| Project | Instance | Branch/Environment |\n|---|---|---|\n| shop | 4 | feature/auth |\n")
    assert "added: 1 instance" in said.out and world.project("auth").instance()["instance"] == 7


CONFLICTS = """| Project Name | Block | Ports | Path |
|---|---|---|---|
| good | 3 | | ROOT/good |
| one | 5 | | ROOT/good |
| two | 5 | | ROOT/good |
| outside | 6 | 30700-30799 | ROOT/good |
| relative | 8 | | code/relative |
| shop | 9 | | ROOT/shop |
| thief | 1 | | ROOT/good |

| Project | Instance | Ports |
|---|---|---|
| good | 1 | 30300-30309 |
| good | 14 | |
| one | 1 | |
| nobody | 1 | |
"""


def test_what_contradicts_is_named_and_left_out(world):
    shop = world.project("shop")
    shop.stack(STACK)
    shop.up()
    world.project("good")
    document = CONFLICTS.replace("ROOT", str(world.root / "projects"))
    tried = imported(world, document, "--dry-run", code=3)
    assert "would add: 1 project, 1 instance\n" in tried.out and set(projects(world)) == {"shop"}
    said = imported(world, document, "--json", code=3)
    assert set(projects(world)) == {"shop", "good"} and projects(world)["shop"]["block"] == 1
    told = said.json
    assert [c["line"] for c in told["complaints"]] == [4, 5, 6, 7, 8, 9, 14, 15, 16]
    assert all(c["severity"] == "error" and c["file"] == str(world.root / "ports.md") for c in told["complaints"])
    assert told["projects"]["added"] == [{"name": "good", "block": 3, "line": 3}]
    assert {p["name"] for p in told["projects"]["left_out"]} == {"one", "two", "outside", "relative", "shop", "thief"}
    assert told["instances"]["added"] == [{"project": "good", "instance": 1, "line": 13}]
    texts = "\n".join(c["text"] for c in told["complaints"])
    for part in ("block 5 is that of 'one' and, in line 5, of 'two'", "ports 30700-30799 of 'outside' are not in its block 6",
                 "the path 'code/relative' of 'relative' does not begin at /", "'shop' is registered with block 1, not with block 9",
                 f"block 1 of 'thief' is that of 'shop' ({shop.dir})", "instance 14 of 'good' is outside", "no project 'nobody'"):
        assert part in texts
    assert shop.instance()["state"] == "ready" and shop.port("api") == 30101


@pytest.mark.parametrize("cell, text", [("500", "block 500 of 'far': there is no such block"),
                                        ("105", "block 105 of 'far': there is no such block"),
                                        ("500 (30500)", "block 500 of 'far': there is no such block"),
                                        ("2000", "ports 2000-2000 of 'far' are in no block")])
def test_a_block_that_there_is_not(world, cell, text):
    said = imported(world, f"| Project | Block |\n|---|---|\n| far | {cell} |\n", "--dry-run", code=3)
    assert text in said.err, said


def test_a_table_of_projects_that_are_not_here_yet(world):
    """A team's list names more directories than one machine has: their blocks are kept for the day they are there."""
    document = ("| Project | Block | Path | Status |\n|---|---|---|---|\n"
                f"| later | 7 | {world.root}/projects/later | active |\n| nowhere | 8 | | |\n")
    said = imported(world, document)
    assert "reserved until it is started there" in said.err and projects(world)["later"]["status"] == "reserved"
    world.run("registry", "integrity", code=0)
    later = world.project("later")
    later.stack(STACK)
    later.up()
    assert later.port("api") == 30701 and projects(world)["later"]["status"] == "active"


def test_what_runs_is_not_touched_and_the_rest_changes(world):
    shop = world.project("shop")
    shop.stack(STACK)
    shop.up("--purpose", "mine")
    shop.up("-i", "3", "--purpose", "old")
    shop.down("-i", "3")
    said = imported(world, "| Project | Instance | Purpose |\n|---|---|---|\n| shop | 1 | theirs |\n| shop | 3 | new |\n")
    assert "instance 1 of 'shop' runs and is left as it is" in said.err and "changed: 1 instance" in said.out
    assert [i["purpose"] for i in projects(world)["shop"]["instances"]] == ["mine", "new"]
    said = imported(world, "| Project | Block | Status | Owner |\n|---|---|---|---|\n| shop | 1 | archived | x |\n", code=3)
    assert "'shop' runs and cannot be archived" in said.err and projects(world)["shop"]["owner"] == ""
    imported(world, "| Project | Block | Status | Owner |\n|---|---|---|---|\n| shop | 1 | | Ben |\n")
    assert (projects(world)["shop"]["owner"], projects(world)["shop"]["status"]) == ("Ben", "active")


@pytest.mark.parametrize("name, text, code, part", [
    ("a.md", "just text\n", 1, "no table of projects or instances"), ("a.json", "{", 1, "a.json:1: this is no JSON"),
    ("a.json", "{\"version\": 7, \"projects\": []}", 1, "newer stackup"), ("a.csv", "a,b\n1,2\n", 1, "no table"),
    ("a.md", "a\n\nb\0c", 1, "a.md:3: this is no text in UTF-8"), ("a.csv", "project,block\nb\udcfcro,1\n", 1, "a.csv:2: this is no text")])
def test_what_is_no_document_is_told(world, name, text, code, part):
    assert part in imported(world, text, name=name, code=code).err
    assert not (world.home / "registry.db").exists()


def test_a_missing_document_is_told(world):
    assert "cannot read" in world.run("registry", "import", "missing.md", code=1).err


# ---- a file that follows ------------------------------------------------------------------------

def test_a_file_follows_every_change(world):
    shop = world.project("shop")
    shop.stack("[service api]\ncommand = ACTOR --listen\nhealth = http /\n")
    ports, whole = world.root / "ports.md", world.root / "ports.json"
    for path in (ports, whole):
        assert "from now on" in shop.run("registry", "export", "--sync", f"../../{path.name}", code=0).err

    def current():
        return ports.read_text() == export(world, "markdown") and whole.read_text() == export(world)

    steps = [("up", "--wait"), ("registry", "set", "owner=anna"), ("instances", "describe", "1", "--purpose", "x"),
             ("ports", "move", "api", "30107"), ("ports", "reserve", "30055", "--for", "b"), ("down",),
             ("instances", "release", "1"), ("registry", "archive")]
    for step in steps:
        before = whole.read_text()
        shop.run(*step, code=0)
        until(current, what=step)
        assert whole.read_text() != before, step
    assert rows(ports.read_text(), "Project Name")[0][4:6] == ["archived", "anna"] and rows(ports.read_text(), "Project") == []


def test_show_names_the_files_and_off_ends_it(world):
    shop = world.project("shop")
    shop.run("registry", "add", code=0)
    path = world.root / "ports.csv"
    shop.run("registry", "export", "--sync", path, code=0)
    assert shop.run("registry", "show", "--json", code=0).json["exports"] == [{"path": str(path), "format": "csv"}]
    assert f"{path} (csv)" in shop.run("registry", "show", code=0).out
    shop.run("registry", "export", "--sync", path, "--off", code=0)
    before = path.read_bytes()
    shop.run("registry", "set", "owner=anna", code=0)
    assert path.read_bytes() == before
    assert shop.run("registry", "show", "--json", code=0).json["exports"] == []
    assert "does not follow" in shop.run("registry", "export", "--sync", path, "--off", code=4).err
    assert "--sync FILE --off" in shop.run("registry", "export", "--off", code=2).err


def test_a_file_that_cannot_be_written_fails_no_command(world):
    shop = world.project("shop")
    shop.stack(STACK)
    place = world.root / "docs"
    assert "cannot" in shop.run("registry", "export", "--sync", place / "ports.md", code=1).err
    place.mkdir()
    shop.run("registry", "export", "--sync", place / "ports.md", code=0)
    shutil.rmtree(place)
    said = shop.run("registry", "add", code=0)
    assert said.err.count("does not show the last change") == 1 and "shop" in said.out
    shop.up()
    place.mkdir()
    shop.run("registry", "set", "owner=anna", code=0)
    assert (place / "ports.md").read_text() == export(world, "markdown")


def test_only_another_content_is_written(world):
    shop = world.project("shop")
    shop.stack(STACK)
    path = world.root / "ports.md"
    shop.run("registry", "export", "--sync", path, code=0)
    shop.run("registry", "add", code=0)
    before = path.stat().st_ino
    shop.run("registry", "set", "notes=not in this table", code=0)
    assert path.stat().st_ino == before
    shop.run("registry", "set", "owner=anna", code=0)
    assert path.stat().st_ino != before


def test_tables_in_somebody_s_text(world):
    shop = world.project("shop")
    path = world.root / "ports.md"
    path.write_bytes(b"# How we use ports\r\n\r\nRead | this.\r\n\r\n<!-- stackup: begin: do not edit -->\r\nold\r\n<!-- stackup: end -->\r\n\r\nBye")
    shop.run("registry", "export", "--sync", path, code=0)
    shop.run("registry", "add", "owner=anna", code=0)
    before, rest = path.read_bytes().decode().split("<!-- stackup: begin: do not edit -->\r\n")
    tables, after = rest.split("<!-- stackup: end -->")
    assert before == "# How we use ports\r\n\r\nRead | this.\r\n\r\n" and after == "\r\n\r\nBye"
    assert "# Ports\n\n" + tables.replace("\r\n", "\n") == export(world, "markdown")
    assert "there already: 1 project" in shop.run("registry", "import", path, code=0).out
    path.write_text("<!-- stackup: begin -->\n")
    said = shop.run("registry", "set", "owner=ben", code=0)
    assert "the block of stackup has no end" in said.err and path.read_text() == "<!-- stackup: begin -->\n"
    assert "has no end" in shop.run("registry", "export", "-o", path, code=1).err


def test_writers_at_the_same_moment_leave_the_last_state(world):
    path = world.root / "ports.json"
    world.run("registry", "export", "--sync", path, code=0)
    made = [world.project(f"p{i}") for i in range(12)]
    running = [world.popen("registry", "add", cwd=p.dir, stdout=-3, stderr=-3) for p in made]
    assert [r.wait(60) for r in running] == [0] * 12
    assert path.read_text() == export(world)


def test_who_died_before_writing_is_made_good(world):
    shop = world.project("shop")
    shop.run("registry", "add", code=0)
    path = world.root / "ports.md"
    shop.run("registry", "export", "--sync", path, code=0)
    world.ask_registry("UPDATE projects SET owner = 'anna'")  # committed, and nobody wrote the file
    assert "anna" not in path.read_text()
    shop.run("ports", "reserve", "30055", "--for", "b", code=0)
    assert rows(path.read_text(), "Project Name")[0][5] == "anna"


def test_a_crash_is_in_the_file_once_somebody_has_found_it(world):
    shop = world.project("shop")
    shop.stack(STACK)
    path = world.root / "ports.md"
    shop.run("registry", "export", "--sync", path, code=0)
    shop.up()
    kill_supervisor(shop)
    shop.up()
    until(lambda: rows(path.read_text(), "Project")[0][4] == "running")
    shop.down()
    assert rows(path.read_text(), "Project")[0][4] == "stopped"
