"""Sentences of the contract that the binary once did not keep."""
import re

import pytest

from harness import git

STACK = "[service api]\ncommand = ACTOR --listen\n"


@pytest.mark.parametrize("args", [["up"], ["down"], ["status"], ["run"], ["ports", "list"], ["registry"], ["--json", "env"]])
def test_version_after_a_verb_only_prints_it(shop, args):
    shop.stack(STACK)
    shop.up()
    result = shop.run(*args, "--version", code=0, timeout=10)
    assert re.search(r"\d+\.\d+\.\d+", result.out) and not result.err
    assert shop.state("api") == "ready"


SECRET = """
    [service api]
    command = ACTOR --listen
    secret = CANARY
    url = http://localhost:${port}/?key=${CANARY}
    export.API_LINE = key ${CANARY}
    [service web]
    command = ACTOR --listen
    depends_on = api
    env.ABOUT = made of ${CANARY}, too
"""


@pytest.mark.parametrize("runs", [False, True])
def test_promise_P13_what_is_made_of_a_secret_is_secret(shop, runs):
    shop.stack(SECRET)
    shop.write(".env", "CANARY=canary-0815\n")
    if runs:
        shop.up()
    for args in (["env"], ["env", "web"], ["env", "api", "--json"], ["env", "web", "--explain"], ["config"], ["up", "--dry-run"],
                 ["status"], ["status", "--json"], ["why", "api"], ["registry", "export"], ["events", "--json"]):
        result = shop.run(*args)
        assert "canary-0815" not in result.out + result.err, result
    assert "# left out, it is secret: ABOUT" in shop.run("env", "web", code=0).out
    stored = [p for p in shop.world.home.rglob("*") if p.is_file() and b"canary-0815" in p.read_bytes()]
    assert not stored
    # Whoever asks for the very value gets the true one.
    assert shop.run("url", "api", code=0).out == "http://localhost:30101/?key=canary-0815\n"
    assert shop.run("exec", "web", "printenv", "API_LINE", code=0 if runs else None).out in ("key canary-0815\n", "")


def test_a_short_secret_hides_no_other_value(shop):
    shop.stack("[service api]\ncommand = sleep 60\nsecret = MINE\nenv.MINE = yes\nenv.OTHER = yes, of course\n")
    env = shop.run("env", "api", "--json", code=0).json
    assert env["MINE"] is None and env["OTHER"] == "yes, of course"


NEEDED = """
    [service job]
    type = task
    command = ACTOR --exit 3
    [service calc]
    command = ACTOR --exit 3
    slot = auto
    restart = no
    optional = yes
    [service page]
    command = ACTOR
    depends_on = job
    [service index]
    command = ACTOR
    depends_on = calc
    [service other]
    command = ACTOR
    depends_on = calc:ready?
"""


@pytest.mark.parametrize("wanted,code", [(["page"], 6), (["index"], 6), (["job", "page"], 6), (["job"], 1), (["other"], 0)])
def test_exit_code_6_when_what_is_depended_on_fails(shop, wanted, code):
    """1 where nobody who is asked for needs what has failed."""
    shop.stack(NEEDED)
    result = shop.run("up", "--wait", *wanted, code=code)
    assert "failed: exited with code 3" in result.err
    assert shop.run("wait", wanted[-1]).code == code


def test_exit_code_6_of_a_start(shop):
    shop.stack(NEEDED + "    [service first]\n    command = ACTOR\n")
    shop.up("first")
    shop.run("start", "index", code=6)
    shop.run("start", "calc", code=1)


def test_hold_listen_is_for_tcp(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen-fd\nhold = listen\nprotocol = udp\n")
    for args in (["check"], ["up", "-d"]):
        result = shop.run(*args, code=78)
        assert "stack.ini:3: 'hold = listen' is for TCP" in result.out + result.err


@pytest.mark.parametrize("block", ["100", "105", "109", "355", "-1"])
def test_a_block_that_there_is_not_is_told_with_its_line(shop, block):
    shop.stack(f"[stack]\nblock = {block}\n" + STACK)
    for args in (["check"], ["up", "-d"], ["status"]):
        result = shop.run(*args)
        assert result.code == (4 if args == ["status"] else 78), result
        assert args == ["status"] or re.search(r"^ *stack.ini:2: .*; ", result.out + result.err, re.M), result


def test_the_instance_of_a_worktree_is_the_one_it_claimed_first(shop):
    shop.stack(STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["worktree", "add", "-q", "-b", "feature", "../wt"]):
        git(shop.dir, *args)
    linked = shop.world.project("wt")
    # What is brought up beside it for a while does not take its place.
    for tree, own, other in ((shop, "30101", "2"), (linked, "30121", "5")):
        tree.up()
        tree.up("-i", other)
        assert tree.run("port", "api", code=0).out == own + "\n"
        tree.down("-i", other)
        assert tree.run("port", "api", code=0).out == own + "\n" and tree.state("api") == "ready"


def test_number_2_is_a_worktrees_own_only_where_it_has_no_other(shop):
    shop.stack(STACK)
    for number, own in (("2", 2), ("4", 4), ("1", 4)):
        shop.up("-i", number)
        assert shop.instance()["instance"] == own
    shop.down("--all")
    assert "instance 4 runs" in shop.up().err


def test_a_number_that_changes_hands_is_claimed_anew(shop):
    shop.stack(STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["worktree", "add", "-q", "-b", "a", "../a"],
                 ["worktree", "add", "-q", "-b", "b", "../b"]):
        git(shop.dir, *args)
    a, b = shop.world.project("a"), shop.world.project("b")
    a.up()
    b.up()
    a.down()
    assert "is kept as" in b.up("-i", "3").err
    assert b.instance()["instance"] == 4


def test_a_task_is_ready_when_it_is_done(shop):
    shop.stack("""
        [service job]
        type = task
        command = ACTOR --write-file ran job --exit 0
        [service api]
        command = ACTOR --listen
        depends_on = job
    """)
    shop.up()
    job, api = shop.service("job"), shop.service("api")
    assert job["started_at"] <= job["ready_at"] <= api["started_at"]
    shop.run("restart", "job", code=0)
    assert shop.service("job")["ready_at"] > job["ready_at"]


def test_the_timeout_of_up_is_for_what_goes_as_well(shop):
    gone = "[service old]\ncommand = ACTOR --ignore-term --say here\nready = log here\nstop.timeout = 10m\n"
    shop.stack(STACK + gone)
    shop.up()
    shop.stack(STACK)
    shop.detach("-t", "0.2", timeout=30)
    assert [s["name"] for s in shop.instance()["services"]] == ["api"]


def test_kill_has_no_option_that_changes_nothing(shop):
    shop.stack(STACK)
    shop.up()
    assert "--no-deps" in shop.run("kill", "api", "--no-deps", code=2).err
    shop.run("kill", "api", code=0)


def test_descriptions_are_in_the_tables(shop):
    shop.stack("[stack]\ndescription = what anna sells\n[service api]\ncommand = sleep 60\ndescription = orders | payments\n"
               "[service db]\ncommand = sleep 60\n")
    out = shop.run("ports", "docs", code=0).out
    assert "\nwhat anna sells\n" in out and "| Service | Description | Port |" in out
    assert "| api | orders \\| payments | slot 1 (api) |" in out and "| db |  | slot 2 (db) |" in out
    told = shop.run("ports", "docs", "--json", code=0).json
    assert told["description"] == "what anna sells" and [p["description"] for p in told["ports"]] == ["orders | payments", None]


def test_the_owner_of_the_stack_file_is_the_projects(shop):
    def owner():
        return shop.run("registry", "list", "--json", code=0).json["projects"][0]["owner"]
    for text, expected in (("owner = anna", "anna"), ("owner = berta", "berta"), ("", "berta")):
        shop.stack(f"[stack]\n{text}\n" + STACK)
        shop.detach()
        assert owner() == expected
    shop.run("registry", "set", "owner=cora", code=0)
    shop.detach()
    assert owner() == "cora"


def test_a_section_is_for_every_number_that_an_instance_can_have(shop):
    shop.stack(STACK + "[instance 12]\npurpose = the twelfth\n")
    shop.up("-i", "12")
    assert shop.instance("-i", "12")["purpose"] == "the twelfth"
    assert "write a number 1 to 100" in (shop.stack(STACK + "[instance 101]\n"), shop.run("check", code=78))[1].err


SLOW = "[service api]\ncommand = ACTOR --term-delay 700 --say here\nready = log here\n"


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_a_timeout_is_for_that_stop_only(shop, verb):
    shop.stack(SLOW)
    shop.up()
    assert "did not stop within 100 ms" in shop.run(verb, "api", "-t", "0.1", code=0).err
    shop.run("start", "api", code=0)
    assert "did not stop" not in shop.run("stop", "api", code=0).err
    assert shop.service("api")["exit_code"] == 0


def test_the_timeout_of_a_restart_is_no_limit_of_the_wait(shop):
    """124 is for `up --wait-timeout` and `wait --timeout` alone."""
    shop.stack("[service api]\ncommand = ACTOR --ready-after 600\nslot = api\n")
    shop.up()
    shop.run("restart", "api", "-t", "0.2", code=0)
    assert shop.state("api") == "ready"


def test_the_resolved_file_names_its_env_files(shop):
    for name in (".env", "stack.env", "test.env", "own.env"):
        shop.write(name, name.strip(".").replace(".", "_").upper() + "=here\n")
    shop.stack("[stack]\nenv_file = stack.env, ?missing.env\n[environment test]\nenv_file = test.env\n"
               "[service api]\ncommand = sleep 60\nenv_file = own.env\n")
    config = shop.run("--env", "test", "config", code=0).out
    assert f"env_file = {shop.dir}/.env, {shop.dir}/stack.env, {shop.dir}/test.env\n" in config
    assert f"env_file = {shop.dir}/own.env\n" in config and "missing" not in config
    # It is a stack file, and means the same.
    shop.write("elsewhere/resolved.ini", config)
    before, after = (shop.run(*args, "env", "api", "--json", code=0).json for args in (["--env", "test"], ["-f", "elsewhere/resolved.ini", "--env", "test"]))
    assert before == after and before["TEST_ENV"] == before["OWN_ENV"] == "here"


def test_the_nearest_further_port_is_named(shop):
    shop.stack(STACK + "port.admin = 5\n")
    assert "did you mean 'admin'?" in shop.run("port", "api", "admn", code=4).err
    assert "port.metrics = auto" in shop.run("port", "api", "metrics", code=4).err
