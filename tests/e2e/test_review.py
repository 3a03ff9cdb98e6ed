"""The contract read sentence by sentence: what no other file of tests asks."""
from harness import until
from holders import occupy


def test_reserved_ports_are_given_to_nobody(shop):
    """`[ports] reserve.PORT`: neither an auto slot, nor a fall-back range, nor a slot's own number."""
    shop.stack("""
        [ports]
        reserve.30100 = the office VPN
        reserve.8001 = the office VPN
        protect = 8002
        [service one]
        command = ACTOR --listen
        slot = auto
        [service two]
        command = ACTOR --listen
        port = 8000
        range = 8000-8004
    """)
    with occupy(8000):
        shop.up()
        assert (shop.port("one"), shop.port("two")) == (30101, 8003)
        shop.down()
    shop.stack("""
        [ports]
        reserve.30105 = the office VPN
        [service one]
        command = ACTOR --listen
        slot = 5
    """)
    refused = shop.up(code=78)
    assert "stack.ini:5" in refused.err and "reserved" in refused.err and "the office VPN" in refused.err
    shop.up("-i", "2")


def test_protected_port_offers_no_stop(shop, holder):
    shop.stack("""
        [ports]
        protect = 8002
        [service one]
        command = ACTOR --listen
        port = 8001
        range = 8000-8004
        [service two]
        command = ACTOR --listen
        port = 8002
        range = 8000-8004
    """)
    holder(8001), holder(8002)
    one, two = shop.run("ports", "check", "--json", code=5).json["conflicts"]
    assert (one["options"], one["move_to"]) == (["stop", "move", "edit"], 8000)
    assert (two["options"], two["move_to"]) == (["move", "edit"], 8003)


def test_health_successes_count_from_the_start(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = http /
        health.interval = 2s
        health.successes = 3
    """)
    shop.detach()
    shop.run("wait", "api:ready", code=0)
    assert shop.service("api")["health"] == "unknown"
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)


def test_restart_of_everything_brings_back_what_was_stopped(shop):
    shop.stack("""
        [service one]
        command = ACTOR
        [service two]
        command = ACTOR
        depends_on = one
        [service extra]
        command = ACTOR
        profile = extra
    """)
    shop.up()
    shop.run("stop", "one", code=0)
    shop.run("restart", code=0)
    assert [s["state"] for s in shop.instance()["services"]] == ["ready", "ready", "down"]


def test_who_waits_sees_the_crashes(shop):
    shop.stack("""
        [service api]
        command = ACTOR --exit 3
        ready = log never
        restart.delay = 10ms
        restart.limit = 2 in 1m
    """)
    failed = shop.up(code=1)
    assert "(1 of 2)" in failed.err and "(2 of 2)" in failed.err, failed


def test_registry_names_environment_and_purpose_of_the_file(shop):
    shop.stack("""
        [stack]
        environment = local
        [environment local]
        [instance 3]
        purpose = the payment rewrite
        [service one]
        command = ACTOR
    """)
    shop.up("-i", "3")
    project, = shop.run("registry", "list", "--json", code=0).json["projects"]
    instance, = project["instances"]
    assert (instance["environment"], instance["purpose"]) == ("local", "the payment rewrite")
    shop.up("-i", "3", "--purpose", "a demonstration")
    assert shop.instance("-i", "3")["purpose"] == "a demonstration"
    shop.down("-i", "3")
    stopped = shop.instance("-i", "3")
    assert (stopped["environment"], stopped["purpose"]) == ("local", "a demonstration")


def test_refused_reload_reads_like_a_refused_start(shop):
    good = "[service one]\ncommand = sleep 1000\n"
    shop.stack(good + "bogus = 1\n")
    start = shop.detach(code=78)
    shop.stack(good)
    shop.detach()
    shop.stack(good + "bogus = 1\n")
    assert shop.detach(code=78).err == start.err


def test_directory_of_a_log_file_is_made(shop):
    shop.stack("""
        [service one]
        command = ACTOR --say hello
        log.file = log/deep/one.log
    """)
    shop.up()
    until(lambda: "hello" in (shop.dir / "log/deep/one.log").read_text())


def test_no_port_and_no_url_say_what_to_write(shop):
    shop.stack("""
        [service one]
        command = ACTOR
    """)
    for args, fix in ((("port", "one"), "slot = auto"), (("port", "one", "admin"), "port.admin = auto"),
                      (("url", "one"), "url = ")):
        refused = shop.run(*args, code=4)
        assert fix in refused.err, refused


def test_ports_of_a_wide_instance_are_refused_with_the_next_number(shop):
    shop.stack("""
        [stack]
        instances = 2
        [service one]
        command = ACTOR
    """)
    shop.up()
    refused = shop.detach("-i", "2", code=1)
    assert "number 3" in refused.err, refused
    shop.up("-i", "3")


def test_ports_of_the_users_own_file_hold_for_all_projects(world, shop):
    own = world.root / "user/.config/stackup/config.ini"
    own.parent.mkdir(parents=True)
    own.write_text("[ports]\nreserve.30100 = the office VPN\nrange.web = 8000-8009\n")
    shop.stack("""
        [service one]
        command = ACTOR --listen
        slot = auto
        [service two]
        command = ACTOR --listen
        port = 8000
        range = web
    """)
    with occupy(8000):
        shop.up()
        assert (shop.port("one"), shop.port("two")) == (30101, 8001)
    own.write_text("[ports]\nreserved.30100 = x\n[service three]\ncommand = true\n")
    refused = shop.run("check", code=78)
    assert "config.ini:2: unknown key 'reserved.30100'" in refused.err, refused
    assert "config.ini:3: [service three]" in refused.err, refused
    assert shop.state("one") == "ready"


def users_own(world, text):
    own = world.root / "user/.config/stackup/config.ini"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(text)


def test_the_users_own_file_says_where_ports_begin(world):
    users_own(world, "[ports]\nbase = 20000\n")
    shop = world.project("shop")
    shop.stack("[service api]\ncommand = ACTOR --listen\n")
    assert "20101" in shop.run("env", "api", "--format=sh", code=0).out
    shop.up()
    assert shop.port("api") == 20101 and shop.instance()["base_port"] == 20100
    assert shop.run("registry", "list", "--json", code=0).json["projects"][0]["base_port"] == 20100
    users_own(world, "[ports]\nbase = 25000\n")
    blog = world.project("blog")
    blog.stack("[stack]\nblock = 105\n[service api]\ncommand = ACTOR --listen\n")
    late = blog.up()
    assert "base = 25000" in late.err and "20000" in late.err and "remove the line" in late.err
    assert blog.port("api") == 30501


def test_a_base_that_cannot_be_is_refused_with_its_place(world, shop):
    shop.stack("[ports]\nbase = 20000\n[service api]\ncommand = ACTOR --listen\n")
    assert "stack.ini:2: where the ports begin is the same for all projects" in shop.run("check", code=78).err
    shop.stack("[service api]\ncommand = ACTOR --listen\n")
    users_own(world, "[ports]\nbase = 80\n")
    refused = shop.up(code=78)
    assert "config.ini:2: base" in refused.err and "1024" in refused.err, refused


def test_the_users_own_file_holds_for_a_procfile(world, shop):
    users_own(world, "[ports]\nbase = 20000\nreserve.20100 = the office VPN\nprotect = 20101\n")
    shop.stack("web: ACTOR --listen\nworker: ACTOR --listen\n", name="Procfile")
    shop.up()
    assert (shop.port("web"), shop.port("worker")) == (20102, 20103)
    users_own(world, "[ports]\nbass = 1\n")
    assert "config.ini:2" in shop.run("check", code=78).err
