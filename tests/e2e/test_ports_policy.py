"""Pools, ranges by type of service, and the verbs that explain them."""
import sqlite3
import threading

import pytest
from harness import SOURCE, can_connect, http_get, port_is_free
from holders import occupy
from policies import FIXED, POOL


# ---- pool -------------------------------------------------------------------------------------------

def test_row_P11_a_pool_port_is_of_block_0_and_stays(world):
    shop, blog = world.project("shop"), world.project("blog")
    for project in (shop, blog):
        project.stack(POOL)
        project.up()
    assert shop.port("worker") == 30000 and blog.port("worker") == 30001
    assert http_get(30000).startswith("worker ") and http_get(30001).startswith("worker ")
    shop.down()
    third = world.project("third")
    third.stack(POOL)
    third.up()
    assert third.port("worker") == 30002
    shop.up()
    assert shop.port("worker") == 30000
    assert shop.run("port", "worker").out == "30000\n"
    assert not shop.run("env", "--format=json").json.get("nothing")
    assert shop.run("env", "--format=json").json["WORKER_PORT"] == "30000"


def test_every_instance_has_a_pool_port_of_its_own(shop):
    shop.stack(POOL)
    shop.up("-i", "1")
    shop.up("-i", "2")
    assert [shop.port("worker", "-i", n) for n in "12"] == [30000, 30001]


def test_a_pool_port_outlives_a_reload(shop):
    shop.stack(POOL)
    shop.up()
    shop.stack(POOL + """
[service a]
command = ACTOR --listen
port = pool
port.admin = pool
""")
    shop.up()
    assert shop.port("worker") == 30000
    assert sorted(shop.service("a")["ports"].values()) == [30001, 30002]
    pid = shop.pid("worker")
    shop.up()
    assert shop.pid("worker") == pid


def test_the_highest_free_block_is_the_pool_when_a_project_has_block_0(world):
    owner, shop = world.project("owner"), world.project("shop")
    owner.stack("[stack]\nblock = 0\n[service api]\ncommand = ACTOR --listen")
    owner.up()
    assert owner.port("api") == 30001
    shop.stack(POOL)
    shop.up()
    assert shop.port("worker") == 65400


def test_range_and_ports_pool_are_pools(shop):
    shop.stack("""
        [ports]
        pool = 31500-31509
        range.mine = 31700-31709
        [service a]
        command = ACTOR --listen
        port = pool
        [service b]
        command = ACTOR --listen
        port = pool
        range = mine
        [service c]
        command = ACTOR --listen
        port = pool
        range = dashboard
        [service d]
        command = ACTOR --listen
        port = pool
        range = 31800-31801
    """)
    shop.up()
    assert [shop.port(n) for n in "abcd"] == [31500, 31700, 3200, 31800]


def test_the_pool_of_the_users_own_file(shop):
    config = shop.world.root / "user" / ".config" / "stackup"
    config.mkdir(parents=True)
    (config / "config.ini").write_text("[ports]\npool = 31900-31909\nrange.core = 18000-18009\n")
    shop.stack(POOL + """
[service api]
command = ACTOR --listen
port = 18000
range = core
""")
    with occupy(18000):
        shop.up()
    assert shop.port("worker") == 31900 and shop.port("api") == 18001


@pytest.mark.parametrize("wish", ["", "range = 6001-6006\n"])
def test_projects_at_the_same_moment_never_get_the_same_pool_port(world, wish):
    projects = [world.project(f"p{i}") for i in range(6)]
    for project in projects:
        project.stack("[service w]\ncommand = ACTOR --listen\nport = pool\n" + wish)
    results, gate = {}, threading.Barrier(len(projects))

    def launch(project):
        gate.wait()
        results[project.name] = project.run("up", "--wait", timeout=120)
    threads = [threading.Thread(target=launch, args=(p,)) for p in projects]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {r.code for r in results.values()} == {0}, results
    first = 6001 if wish else 30000
    assert sorted(p.port("w") for p in projects) == list(range(first, first + 6))
    assert len({http_get(p.port("w")) for p in projects}) == 6


def test_a_pool_port_that_somebody_took_moves_in_the_pool_and_comes_back(shop):
    shop.stack(POOL)
    shop.up()
    shop.down()
    with occupy(30000):
        said = shop.up()
        assert shop.port("worker") == 30001
        assert "30000" in said.err and "30001" in said.err
        shop.down()
    shop.up()
    assert shop.port("worker") == 30000


def test_a_new_service_passes_over_what_is_taken_in_silence(shop):
    shop.stack(POOL)
    with occupy(30000):
        said = shop.up()
    assert shop.port("worker") == 30001 and "30000" not in said.err


# ---- the three policies -----------------------------------------------------------------------------

def test_row_P1_the_block_policy_needs_nothing_but_names(world):
    shop, blog = world.project("shop"), world.project("blog")
    for project in (shop, blog):
        project.stack("""
            [service frontend]
            command = ACTOR --listen
            [service api]
            command = ACTOR --listen
            [service db]
            command = ACTOR --listen
        """)
        project.up()
    assert [shop.port(n) for n in ("frontend", "api", "db")] == [30100, 30101, 30102]
    assert [blog.port(n) for n in ("frontend", "api", "db")] == [30200, 30201, 30202]


# Browsers refuse 6000.
TYPES = {"core": 8000, "alternate": 8100, "tools": 8200, "integration": 9000, "frontend": 3000, "dev": 5000,
         "optional": 6001, "dashboard": 3200}


def test_row_P3_ranges_by_type_of_service(world):
    shop, blog = world.project("shop"), world.project("blog")
    text = "[defaults]\nprotocol = http\n" + "".join(
        f"[service s-{name}]\ncommand = ACTOR --listen\nport = {port}\nrange = {name}\n" for name, port in TYPES.items())
    for project in (shop, blog):
        project.stack(text)
        project.up()
    assert {n: shop.port(f"s-{n}") for n in TYPES} == TYPES
    assert {n: blog.port(f"s-{n}") for n in TYPES} == {n: p + 1 for n, p in TYPES.items()}


def test_the_legacy_ranges(world):
    text = """
        [service web]
        command = ACTOR --listen
        port = 3000
        range = 3000-3999
        [service api]
        command = ACTOR --listen
        port = 8080
        range = 8000-8999
        [service metrics]
        command = ACTOR --listen
        port = 9090
        range = 9000-9999
        [service gateway]
        command = ACTOR --listen
        port = 54321
        range = 54320-54999
    """
    shop, blog = world.project("shop"), world.project("blog")
    shop.stack(text)
    shop.up()
    assert [shop.port(n) for n in ("web", "api", "metrics", "gateway")] == [3000, 8080, 9090, 54321]
    blog.stack(text)
    blog.up()
    assert [blog.port(n) for n in ("web", "api", "metrics", "gateway")] == [3001, 8000, 9000, 54320]
    legacy = {r["name"]: [i["port"] for i in r["inhabitants"]]
              for r in shop.run("ports", "policy", "--json", code=0).json["ranges"] if r["kind"] == "legacy"}
    assert legacy == {"legacy-frontend": [3000, 3001], "legacy-backend": [8000, 8080],
                      "legacy-service": [9000, 9090], "legacy-supabase": [54320, 54321]}


def test_row_P3_the_callers_variable_is_checked_against_the_named_range(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        port = 8000
        range = core
        env_var = API_PORT
    """)
    shop.up(env={"API_PORT": "8042"})
    assert shop.port("api") == 8042
    shop.down()
    refused = shop.run("up", "-d", env={"API_PORT": "9000"}, code=78)
    assert "API_PORT=9000, which is outside of the range core 8000-8099" in refused.err
    assert "set it to a port of the range, or unset it" in refused.err


# ---- [ports] reserve and protect, immutable, optional ------------------------------------------------

def test_ports_of_the_range_that_are_reserved_or_protected_are_left_to_their_owners(shop):
    shop.stack("""
        [ports]
        reserve.30105 = the office VPN
        protect = 30106
        [service api]
        command = ACTOR --listen
        [service more]
        command = ACTOR --listen
        slot = auto
        [service w]
        command = ACTOR --listen
        port = pool
        range = 30105-30107
    """)
    shop.up()
    assert shop.port("more") == 30100 and shop.port("w") == 30107
    with occupy(30105), occupy(30106):
        assert can_connect(30105)
    assert not port_is_free(30104)


def test_a_slot_on_a_reserved_port_is_an_error_that_says_why(shop):
    shop.stack("""
        [ports]
        reserve.30101 = the office VPN
        [service api]
        command = ACTOR --listen
    """)
    said = shop.run("up", "-d", code=78)
    assert "30101" in said.err and "the office VPN" in said.err and "stack.ini:2" in said.err


def test_immutable_stays_where_it_is_or_fails(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        port = 8000
        range = core
        immutable = yes
    """)
    with occupy(8000):
        said = shop.run("up", "-d", code=5)
        assert "8000" in said.err and "immutable" in said.err
    shop.up()
    assert shop.port("api") == 8000


def test_optional_fails_alone_when_its_port_is_taken(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service tool]
        command = ACTOR --listen
        port = 8000
        optional = yes
    """)
    with occupy(8000):
        said = shop.up()
        assert "port 8000 of service 'tool'" in said.err and "optional" in said.err
        assert shop.state("api") == "ready" and shop.state("tool") == "failed"
        assert shop.service("tool")["reason"] == "port 8000 is taken; `stackup start tool` tries again"
        assert 8000 not in [l["port"] for l in shop.run("ports", "list", "--json").json["listeners"] if l["lease"]]
    shop.run("start", "tool", code=0)
    assert http_get(8000).startswith("tool ")
    shop.run("ports", "reserve", "8001", "--for", "ann", code=0)
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service tool]
        command = ACTOR --listen
        port = 8001
        optional = yes
    """)
    shop.up()
    assert "reserved for somebody else" in shop.service("tool")["reason"] and port_is_free(8001)


# ---- policy, docs, history, reset -------------------------------------------------------------------

def test_policy_shows_the_ranges_and_who_lives_there(shop):
    shop.stack("""
        [ports]
        range.core = 18000-18009
        range.mine = 19000-19009
        [service api]
        command = ACTOR --listen
        [service worker]
        command = ACTOR --listen
        port = pool
    """)
    shop.up()
    with occupy(8080):
        ranges = shop.run("ports", "policy", "--json", code=0).json["ranges"]
        text = shop.run("ports", "policy", code=0).out
    named = {r["name"]: r for r in ranges}
    assert (named["pool"]["low"], named["pool"]["high"], named["pool"]["block"]) == (30000, 30099, 0)
    assert (named["shop"]["low"], named["shop"]["block"]) == (30100, 1)
    assert (named["core"]["low"], named["core"]["own"]) == (18000, True)
    assert (named["dev"]["low"], named["dev"]["high"], named["dev"]["own"]) == (5000, 5199, False)
    assert named["mine"]["kind"] == "type" and named["emergency"]["low"] == 40000
    assert [(i["port"], i["listening"], i["lease"]["service"]) for i in named["shop"]["inhabitants"]] == [
        (30101, True, "api")]
    assert named["pool"]["inhabitants"][0]["lease"] == {"project": "shop", "instance": 1, "service": "worker"}
    backend = named["legacy-backend"]["inhabitants"]
    assert [i["port"] for i in backend] == [8080] and "pid" in backend[0]["process"]
    assert "3000-3999" in text and "54320-54999" in text and "8080" in text and "shop/1 api" in text


def test_row_P13_docs_are_markdown_tables(shop):
    shop.stack("""
        [ports]
        reserve.5555 = adb | phones
        [service api]
        command = ACTOR --listen
        port.admin = 9
        [service db]
        command = ACTOR --listen
        port = 5432
        range = 5432-5440
        env_var = PGPORT
        [service worker]
        command = ACTOR --listen
        port = pool
    """)
    lines = shop.run("ports", "docs", code=0).out.splitlines()
    assert lines[0] == "### Ports of shop"
    head = next(l for l in lines if l.startswith("| Service"))
    assert "1 development" in head and "10 experimental" in head and head.count("|") == 14
    api = next(l for l in lines if l.startswith("| api |"))
    assert api.split("|")[2:6] == [" slot 1 (api) ", " `API_PORT` ", " 30101 ", " 30111 "] and "30191" in api
    assert any(l.startswith("| api admin |") and "`API_ADMIN_PORT`" in l and "30109" in l for l in lines)
    db = next(l for l in lines if l.startswith("| db |"))
    assert "5432, 5432-5440" in db and "`DB_PORT` `PGPORT`" in db
    assert any(l.startswith("| worker | pool, 30000-30099 | `WORKER_PORT` | pool |") for l in lines)
    assert r"| 5555 | adb \| phones |" in lines
    rows = shop.run("ports", "docs", "--json", code=0).json["ports"]
    assert rows[0]["instances"]["3"] == 30121 and rows[2]["instances"]["1"] == 5432
    assert {line.count("|") - line.count(r"\|") for line in lines if line.startswith("| api")} == {14}


def test_docs_are_of_the_file_whatever_has_moved(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service frontend]
        command = ACTOR --listen
        slot = 0
    """)
    docs = shop.run("ports", "docs", code=0).out
    with occupy(30100):
        shop.up()
    shop.run("ports", "move", "api", "30105", code=0)
    assert shop.port("api") == 30105 and shop.port("frontend") != 30100
    assert shop.run("ports", "docs", code=0).out == docs
    assert shop.run("ports", "docs", "--json", code=0).json["ports"][0]["instances"]["2"] == 30111


def test_history_tells_moves_conflicts_and_reservations(shop):
    shop.stack(FIXED)
    shop.up()
    shop.down()
    with occupy(8000):
        shop.up()
        shop.down()
    shop.run("ports", "reserve", "9000", "--for", "ann", code=0)
    everything = shop.run("ports", "history", "--json", code=0).json["history"]
    assert [v["kind"] for v in everything if v["old"] == 9000] == ["reserved"]
    assert [(v["kind"], v["old"], v["new"]) for v in everything if v["service"] == "api" or v["old"] == 8000] == [
        ("assigned", 0, 8000), ("conflict", 8000, 8001), ("moved", 8000, 8001)]
    assert [v["time"] for v in everything] == sorted(v["time"] for v in everything)
    assert [v["kind"] for v in shop.run("ports", "history", "9000", "--json").json["history"]] == ["reserved"]
    assert len(shop.run("ports", "history", "api", "--json").json["history"]) == 3
    assert not shop.run("ports", "history", "api", "--since", "2999-01-01T00:00:00Z", "--json").json["history"]
    assert "moved" in shop.run("ports", "history").out
    assert "did you mean 'api'" in shop.run("ports", "history", "apj", code=4).err


def test_reset_brings_everything_home(shop):
    def write(extra=""):
        shop.stack(extra + "[service zeta]\ncommand = ACTOR --listen\nslot = auto\n" + POOL)
    write("[service alpha]\ncommand = ACTOR --listen\nslot = auto\n")
    with occupy(30000):
        shop.up()
    assert shop.port("zeta") == 30101 and shop.port("worker") == 30001
    shop.down()
    write()
    shop.run("ports", "reserve", "zeta", code=0)
    assert "--yes" in shop.run("ports", "reset", code=2).err
    done = shop.run("ports", "reset", "--yes", "--json", code=0)
    assert {i["service"] for i in done.json["forgotten"]} == {"alpha", "zeta", "worker"}
    shop.up()
    assert shop.port("zeta") == 30100 and shop.port("worker") == 30000
    assert not shop.run("ports", "reserve", "--json").json["reservations"]
    assert "reset" in [v["kind"] for v in shop.run("ports", "history", "--json").json["history"]]


def test_reset_of_one_service_asks_at_a_terminal(shop):
    shop.stack("""
        [service a]
        command = ACTOR --listen
        slot = 3
        [service b]
        command = ACTOR --listen
        slot = 4
    """)
    with occupy(30103), occupy(30104):
        shop.up()
    assert shop.port("a") != 30103
    shop.run("ports", "reserve", "a", code=0)
    shop.run("ports", "reserve", "b", code=0)
    terminal = shop.terminal("ports", "reset", "a")
    terminal.wait_for(r"\[y/N\]")
    terminal.type("n\n")
    assert terminal.wait() == 1
    terminal = shop.terminal("ports", "reset", "a")
    terminal.wait_for(r"\[y/N\]")
    terminal.type("y\n")
    assert terminal.wait() == 0
    left = shop.run("ports", "reserve", "--json").json["reservations"]
    assert [r["service"] for r in left] == ["b"]
    assert "no service 'nobody'" in shop.run("ports", "reset", "nobody", "-y", code=4).err
    shop.down()
    shop.run("ports", "reset", "-y", code=0)
    shop.up()
    assert [shop.port(n) for n in "ab"] == [30103, 30104]


def test_a_registry_of_the_first_version_is_brought_along(shop):
    shop.stack(FIXED)
    database = shop.world.home / "registry.db"
    with sqlite3.connect(database) as db:
        db.executescript((SOURCE / "supervisor/registry/schema.sql").read_text() + "; PRAGMA user_version = 1")
    db.close()
    database.chmod(0o600)
    assert "no port is reserved" in shop.run("ports", "reserve", code=0).err
    assert shop.run("ports", "policy", "--json", code=0).json["ranges"]
    shop.run("ports", "reserve", "api", code=0)
    shop.up()
    assert shop.port("api") == 8000
    assert shop.run("ports", "reserve", "--json").json["reservations"]


@pytest.mark.parametrize("name,ports", [
    ("block", {"frontend": 30100, "api": 30101, "metrics": 30106, "importer": 30102}),
    ("types", {"frontend": 3000, "api": 8000, "reports": 3200, "worker": 9000}),
    ("legacy", {"web": 3000, "api": 8080, "metrics": 9090, "gateway": 54321})])
def test_the_example_of_each_policy_runs_as_it_is(shop, name, ports):
    shop.stack((SOURCE / "examples/port-policies" / name / "stack.ini").read_text())
    shop.up()
    assert {n: shop.port(n) for n in ports} == ports
    assert "Directory listing" in http_get(next(iter(ports.values())))
    assert "| " + next(iter(ports)) in shop.run("ports", "docs", code=0).out
