"""Numbers that are reserved, and which are suggested."""
from harness import can_connect, port_is_free
from holders import occupy
from policies import FIXED, POOL


def test_row_P11_a_reserved_number_is_given_to_nobody(shop):
    shop.stack(FIXED)
    done = shop.run("ports", "reserve", "8000", "--for", "ann", "--note", "demo on fridays", code=0)
    assert done.out == "reserved port 8000 for ann: demo on fridays\n"
    said = shop.up()
    assert shop.port("api") == 8001
    assert "port 8000 of service 'api' is reserved for ann: demo on fridays" in said.err
    assert "stackup ports release 8000" in said.err
    assert port_is_free(8000)
    shop.down()
    shop.stack(FIXED.replace("range = core", "on_conflict = fail"))
    refused = shop.run("up", "-d", code=5)
    assert "reserved for ann" in refused.err
    assert shop.run("ports", "release", "8000", code=0).out.startswith("released port 8000")
    shop.up()
    assert shop.port("api") == 8000


def test_what_is_reserved_for_a_service_waits_for_it(world):
    shop, blog = world.project("shop"), world.project("blog")
    shop.stack(FIXED + POOL)
    blog.stack(FIXED + POOL)
    shop.run("ports", "reserve", "api", code=0)
    shop.run("ports", "reserve", "worker", code=0)
    listed = blog.run("ports", "reserve", "--json", code=0).json["reservations"]
    assert [(r["port"], r["project"], r["instance"], r["service"]) for r in listed] == [
        (8000, "shop", 1, "api"), (30000, "shop", 1, "worker")]
    blog.up()
    assert blog.port("api") == 8001 and blog.port("worker") == 30001
    taken = blog.run("ports", "reserve", "8000", "--for", "me", code=5)
    assert "service 'api' of shop instance 1" in taken.err
    assert "leased to blog instance 1 service api" in shop.run("ports", "reserve", "8001", code=5).err
    shop.up()
    assert shop.port("api") == 8000 and shop.port("worker") == 30000
    shop.down()
    # A second instance of the same project is somebody else.
    shop.up("-i", "2")
    assert shop.port("api", "-i", "2") == 8002
    assert "port 8000" in shop.run("ports", "release", "api", "-i", "1", code=0).out
    assert "instance 2" in shop.run("ports", "release", "api", "-i", "2", code=4).err


def test_a_reserved_port_of_the_range_is_not_held(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\n[service more]\ncommand = ACTOR --listen\nslot = auto")
    shop.run("ports", "reserve", "30100", "--for", "ann", code=0)
    shop.up()
    assert shop.port("more") == 30102
    with occupy(30100):
        assert can_connect(30100)


def test_no_port_is_taken_out_of_the_block_of_another_project(world):
    shop, blog = world.project("shop"), world.project("blog")
    for project in (shop, blog):
        project.stack("[service api]\ncommand = ACTOR --listen")
        project.up()
    blog.down()
    refused = shop.run("ports", "reserve", "30205", "--for", "ann", code=5).err
    assert "the block of project 'blog'" in refused and "-p blog" in refused
    shop.run("-p", "blog", "ports", "reserve", "30206", "--for", "ann", code=0)
    blog.run("ports", "reserve", "30205", "--for", "ann", code=0)
    shop.run("ports", "reserve", "30305", "--for", "ann", code=0)
    world.run("ports", "reserve", "30109", code=5)
    # A service that runs goes there when a person says so, unless it has somebody already.
    assert "the block of project 'blog'" in shop.run("ports", "move", "api", "30207", code=0).err
    blog.up()
    taken = shop.run("ports", "move", "api", "30209", code=5).err
    assert "leased to instance 1 of 'blog'" in taken and shop.port("api") == 30207


def test_a_move_takes_no_port_that_others_have_by_custom(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        port.admin = 9
        [service db]
        command = ACTOR --listen
        port = 5432
        range = 5432-5440
    """)
    shop.up()
    assert "databases" in shop.run("ports", "move", "api", "3306", code=5).err
    assert "databases" in shop.run("ports", "move", "api", "6379", code=5).err
    assert "below 1024" in shop.run("ports", "move", "api", "80", code=5).err
    further = shop.run("ports", "move", "api.admin", "30108", code=2).err
    assert "only its main port" in further and "port.admin" in further
    shop.run("ports", "move", "db", "5433", "--grace", "0", code=0)
    shop.run("ports", "move", "db", "5432", "--grace", "0", code=0)
    assert shop.port("db") == 5432


def test_reserve_says_what_it_cannot(shop):
    shop.stack(FIXED)
    assert "api" in shop.run("ports", "reserve", "apj", code=4).err
    assert "1 to 65535" in shop.run("ports", "reserve", "70000", code=2).err
    assert "not reserved" in shop.run("ports", "release", "8123", code=4).err
    assert "no port is reserved" in shop.run("ports", "reserve", code=0).err


# ---- suggest ----------------------------------------------------------------------------------------

def suggestion(project, *args, code=0):
    return project.run("ports", "suggest", *args, "--json", code=code).json


def kinds(candidate):
    return {r["kind"] for r in candidate["reasons"]}


def test_row_P10_the_best_port_and_why(shop):
    shop.stack(FIXED + "[service frontend]\ncommand = ACTOR --listen\n")
    plain = shop.run("ports", "suggest", "api", code=0)
    assert plain.out.splitlines()[0] == "8000" and "the stack file says so" in plain.out
    assert shop.run("-q", "ports", "suggest", "api").out == "8000\n"
    assert suggestion(shop, "frontend")["port"] == 30100
    best = suggestion(shop, "frontend")["candidates"][0]
    assert best["usable"] and "home" in kinds(best)
    # One that the file does not have: by its name, else a free slot, else the range of its type.
    assert suggestion(shop, "postgres")["port"] == 30102
    assert suggestion(shop, "something")["port"] == 30101
    assert suggestion(shop, "dashboard")["port"] == 3200
    assert suggestion(shop)["port"] == 30101


def test_suggest_knows_who_is_there_and_what_happened(world):
    shop, blog = world.project("shop"), world.project("blog")
    shop.stack(FIXED)
    blog.stack(FIXED)
    with occupy(8000):
        shop.up()
        assert shop.port("api") == 8001
        found = {c["port"]: c for c in suggestion(blog, "api")["candidates"]}
        assert "taken" in kinds(found[8000]) and not found[8000]["usable"]
        assert "taken" in kinds(found[8001])
        assert suggestion(blog, "api")["port"] == 8002
        # Its own service is not in its way.
        assert suggestion(shop, "api")["port"] == 8001
        shop.down()
    blog.run("ports", "reserve", "8002", "--for", "ann", code=0)
    found = {c["port"]: c for c in suggestion(blog, "api")["candidates"]}
    assert suggestion(blog, "api")["port"] == 8000
    assert "conflicts" in kinds(found[8000]) and "reserved" in kinds(found[8002])


def test_suggest_fails_with_a_sentence_when_nothing_is_left(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\nport = 8000\nrange = 8000-8001")
    with occupy(8000), occupy(8001):
        refused = shop.run("ports", "suggest", "api", code=5)
        assert "no port is left for 'api'" in refused.err
        assert shop.run("ports", "suggest", "api", "--json", code=5).json["error"]["port"] is None


def test_suggest_without_a_stack_file(world):
    assert world.run("ports", "suggest", "--json", code=0).json["port"] == 30000
    assert world.run("ports", "suggest", "dev", "--json", code=0).json["port"] == 5000
