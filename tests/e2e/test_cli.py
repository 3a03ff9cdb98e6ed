"""Verbs, exit codes and output shapes of section 4 and 5."""
import json
import os
import re
import signal
import socket
import subprocess

import pytest
from harness import alive, gone, until

STACK = """
    [service db]
    command = ACTOR --listen
    [service api]
    command = ACTOR --say hello --listen
    depends_on = db
    env.COLOUR = blue
    protocol = http
    [service web]
    command = ACTOR --listen
    depends_on = api, db:started
"""


@pytest.fixture
def running(shop):
    shop.stack(STACK)
    shop.up()
    return shop


def test_version_and_help(world):
    assert re.search(r"\d+\.\d+\.\d+", world.run("--version", code=0).out)
    assert re.search(r"\d+\.\d+\.\d+", world.run("version", code=0).out)
    helped = world.run("--help", code=0).out
    for verb in ("up", "down", "status", "logs", "exec", "attach", "wait", "graph", "why", "events", "config", "check", "port"):
        assert re.search(rf"\b{verb}\b", helped), verb
    assert "--detach" in world.run("help", "up", code=0).out
    assert "on-failure" in world.run("help", "restart", code=0).out


@pytest.mark.parametrize("args", [["upp"], ["up", "--no-such-option"], ["status", "--instance"], ["--instance", "x", "status"],
                                  ["wait", "--timeout", "soon"], ["port"], ["why"], ["exec"], ["logs", "--since", "whenever"]])
def test_exit_code_2_for_wrong_usage(shop, args):
    shop.stack(STACK)
    shop.run(*args, code=2)


def test_unknown_verb_and_option_name_the_nearest(world):
    assert "status" in world.run("statsu", code=2).err
    assert "--detach" in world.run("up", "--detatch", code=2).err


@pytest.mark.parametrize("verb", ["top", "init", "import", "export", "dashboard",
                                  "serve", "mcp", "with", "completion"])
def test_verbs_of_later_versions_are_absent(world, verb):
    assert world.run(verb).code == 2


def test_exit_code_4_for_unknown_service_or_instance(running):
    result = running.run("stop", "appi", code=4)
    assert "api" in result.err
    running.run("port", "nothing", code=4)
    running.run("-p", "no-such-project", "status", code=4)
    running.run("logs", "nothing", code=4)


def test_exit_code_3_when_not_everything_is_as_wanted(running):
    assert running.run("status").code == 0
    running.stack(STACK + "\n    [service bad]\n    command = ACTOR --exit 1\n    restart = no\n")
    running.run("up", "-d", code=0)
    running.wait_state("bad", "failed")
    assert running.run("status").code == 3


def test_status_when_nothing_runs(shop):
    shop.stack(STACK)
    result = shop.run("status")
    assert result.code in (3, 4) and result.out + result.err


def test_ps_is_status(running):
    assert running.run("ps", code=0).out.split()[0] == running.run("status", code=0).out.split()[0]


def test_status_table_holds_what_people_look_for(running):
    out = running.run("status", code=0).out
    for word in ("api", "db", "web", "ready", "30101", "http://localhost:30101"):
        assert word in out, word
    assert "\x1b" not in out


def test_a_file_that_is_not_there_stands_for_nothing_else(running):
    for args in (["status"], ["status", "--all"], ["logs"], ["stop"], ["down"], ["down", "--all"]):
        result = running.run("-f", "nosuch.ini", *args, code=78)
        assert "nosuch.ini" in result.err
    assert running.state("api") == "ready"


def test_status_all_shows_every_instance(world):
    for name in ("one", "two"):
        project = world.project(name)
        project.stack(STACK)
        project.up()
    out = world.run("status", "--all", code=0).out
    assert "one" in out and "two" in out
    instances = world.run("status", "--all", "--json", code=0).json["instances"]
    assert {i["project"] for i in instances} == {"one", "two"}


@pytest.mark.parametrize("script,code", [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)])
def test_run_exit_code_is_the_commands(shop, script, code):
    shop.stack(STACK)
    assert shop.run("run", "sh", "-c", script).code in (code, 128 - code), "143, or died by TERM itself"


def test_run_has_the_stacks_environment(shop):
    shop.stack(STACK)
    assert shop.run("run", "printenv", "API_PORT", code=0).out == "30101\n"
    assert shop.run("run", "cat", input="through\n", code=0).out == "through\n"


def test_run_has_what_the_environment_and_the_instance_say(shop):
    shop.stack(STACK + """
    [environment test]
    env.MODE = testing
    env.LEVEL = ${environment}
    env.SELF = ${port}
    [instance 2]
    environment = test
    env.LEVEL = two
    """)
    show = ["sh", "-c", "echo $MODE $LEVEL"]
    assert shop.run("run", *show, code=0).out == "\n"
    assert shop.run("--env", "test", "run", *show, code=0).out == "testing test\n"
    assert shop.run("-i", "2", "run", *show, code=0).out == "testing two\n"
    shop.up("-i", "2")
    assert shop.run("-i", "2", "run", *show, code=0).out == "testing two\n"
    assert "LEVEL='two'" in shop.run("-i", "2", "env", code=0).out
    assert "LEVEL" not in (shop.state_dir(2) / "ports.env").read_text()


def test_run_and_exec_126_and_127(running):
    running.write("plain", "x", 0o644)
    assert running.run("run", "no-such-program").code == 127
    assert running.run("run", "./plain").code == 126
    assert running.run("exec", "api", "no-such-program").code == 127
    assert running.run("exec", "api", "./plain").code == 126


def test_exec_has_the_services_environment_and_directory(running):
    assert running.run("exec", "api", "printenv", "COLOUR", "PORT", code=0).out == "blue\n30101\n"
    assert running.run("exec", "api", "pwd", code=0).out.strip() == str(running.dir)
    assert running.run("exec", "api", "sh", "-c", "exit 9").code == 9
    assert running.run("exec", "api", "ls", "-a", code=0).out, "options of the command are the command's"
    assert running.run("exec", "api", "--", "printenv", "COLOUR", code=0).out == "blue\n"
    assert running.run("exec", "--", "api", "printenv", "COLOUR", code=0).out == "blue\n"
    assert running.run("exec", "api", "--").code == 2


def test_exec_on_a_terminal(running):
    terminal = running.terminal("exec", "api", "sh", "-c", "test -t 0 && test -t 1 && echo is-terminal; read x; echo got $x")
    terminal.wait_for("is-terminal")
    terminal.type("words\n")
    terminal.wait_for("got words")
    assert terminal.wait() == 0


def test_attach_is_a_services_terminal(shop):
    shop.stack("""
        [service shell]
        command = ACTOR --dump-process --dump-size --say ready-to-echo --echo
        tty = yes
        ready = log ready-to-echo
    """)
    shop.up()
    assert "stdin-tty=1" in shop.log("shell")
    terminal = shop.terminal("attach", "shell")
    pid = shop.pid("shell")
    terminal.type("hello\n")
    terminal.wait_for("echo <hello>")
    terminal.close()
    assert alive(pid) and shop.state("shell") == "ready", "leaving does not stop it"


def test_attach_without_a_terminal_is_an_error_with_the_fix(running):
    result = running.run("attach", "api")
    assert result.code != 0 and "tty = yes" in result.err


def test_port_and_url(running):
    assert running.run("port", "api", code=0).out == "30101\n"
    assert running.run("url", "api", code=0).out == "http://localhost:30101\n"
    running.stack(STACK + "\n    [service plain]\n    command = ACTOR\n    [service two]\n    command = ACTOR --listen\n    slot = 9\n    port.admin = 4\n")
    running.run("up", "-d", code=0)
    assert running.run("port", "two", "admin", code=0).out == "30104\n"
    assert running.run("port", "plain").code != 0


def test_port_with_a_number_as_compose_has_it(running):
    said = running.run("port", "api", "3000", code=4).err
    assert "no port of the name '3000'" in said and "`stackup port api` prints its port" in said


def test_graph_forms(running):
    text = running.run("graph", code=0).out
    assert "api" in text and "db" in text
    dot = running.run("graph", "--dot", code=0).out
    assert dot.startswith("digraph") and re.search(r'"api"\s*->\s*"db"|"db"\s*->\s*"api"', dot)
    mermaid = running.run("graph", "--mermaid", code=0).out
    assert re.match(r"(graph|flowchart) ", mermaid) and "api" in mermaid


def test_why_shows_transitions_with_reasons(running):
    pid = running.pid("api")
    os.kill(pid, signal.SIGKILL)
    until(lambda: running.service("api")["restarts"] == 1 and running.state("api") == "ready")
    out = running.run("why", "api", code=0).out
    assert "KILL" in out and "ready" in out and "starting" in out


def test_why_says_what_a_service_waits_for(shop):
    shop.stack("""
        [service db]
        command = ACTOR
        slot = db
        [service calc]
        command = ACTOR
        depends_on = db
    """)
    shop.detach()
    shop.wait_state("calc", "blocked")
    assert "db" in shop.run("why", "calc", code=0).out
    assert "db" in shop.service("calc")["reason"]


FAILING = """
    [service api]
    command = ACTOR --say "reading settings" --say "no such table" --exit 3
    restart.limit = 1 in 1m
    restart.delay = 10ms
    [service calc]
    command = ACTOR
"""


def test_why_of_a_run_that_has_ended(shop):
    """What failed is asked about afterwards, when nothing runs any more."""
    shop.stack(FAILING)
    shop.run("up", "--wait", code=1)
    live = shop.run("why", "api", "--json", code=0).json
    shop.down()
    told = shop.run("why", "api", code=0)
    for word in ("api is failed", "exited with code 3", "limit of 1 restart in", "no such table", "started as process"):
        assert word in told.out, (word, told)
    assert "shop instance 1 does not run" in told.err
    data = shop.run("why", "api", "--json", code=0).json
    assert set(live) <= set(data) and data["version"] == 1
    assert data["state"] == "failed" and data["wanted"] is False and data["log"][-1] == "no such table"
    assert data["transitions"][-1]["to"] == "failed" and "exited with code 3" in data["reason"]
    assert "calc is down: asked to stop" in shop.run("why", "calc", code=0).out
    assert "did you mean 'api'" in shop.run("why", "apu", code=4).err


def test_why_speaks_of_the_last_run_only(shop):
    shop.stack(FAILING)
    shop.run("up", "--wait", code=1)
    shop.down()
    shop.stack(FAILING.replace("--exit 3", "--exit 4"))
    shop.run("up", "--wait", code=1)
    shop.down()
    out = shop.run("why", "api", code=0).out
    assert "code 4" in out and "code 3" not in out


def test_why_of_a_start_that_failed(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\non_conflict = fail\n")
    with socket.create_server(("127.0.0.1", 30101)):
        shop.run("up", "-d", code=5)
    told = shop.run("why", "api", code=0)
    assert "api is down" in told.out and "30101" in told.out and f"held by pid {os.getpid()}" in told.out
    shop.up()
    shop.down()
    assert "held by" not in shop.run("why", "api", code=0).out


def test_why_of_what_was_never_started(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\n[service calc]\ncommand = ACTOR\n")
    assert "stackup up" in shop.run("why", "api", code=4).err
    shop.up("api")
    shop.down()
    assert "calc" in shop.run("why", "calc", code=4).err


def test_events_shape_and_order(running):
    events = running.past_events()
    assert all(set(e) >= {"time", "seq", "instance", "service", "kind", "text"} for e in events)
    seqs = [e["seq"] for e in events]
    assert seqs == sorted(seqs) and len(set(seqs)) == len(seqs)
    ready = [e["service"] for e in events if e["kind"] == "ready" and e["service"]]
    assert ready == ["db", "api", "web"]
    assert running.run("events", code=0).out.count("\n") >= len(events)
    assert running.run("events", "--since", "2100-01-01", "--json", code=0).out == ""


def test_events_name_their_service(shop):
    shop.stack(STACK)
    shop.up()
    shop.run("ports", "move", "db", "30108", "--grace", "0", code=0)
    shop.run("ports", "move", "db", "80", code=5)
    shown = shop.run("events", code=0).out
    assert "db: moved from port 30102 to 30108" in shown
    assert "db: not moved to port 80: port 80 is not given to 'db': ports below 1024" in shown


def test_events_follow(running):
    follower = running.events()
    running.run("restart", "web", code=0)
    follower.event("stopping", "web")
    follower.event("ready", "web")
    follower.close()


def test_wait_for_conditions(running):
    assert running.run("wait", code=0)
    assert running.run("wait", "api", "db:started", "--timeout", "5", code=0)
    assert running.run("wait", "api:nonsense").code == 2
    running.stack(STACK + "\n    [service job]\n    type = task\n    command = ACTOR --wait-file go --exit 0\n")
    running.run("up", "-d", code=0)
    assert running.run("wait", "job:completed", "--timeout", "0.3").code == 124
    running.write("go", "")
    assert running.run("wait", "job:completed", "--timeout", "10").code == 0


def test_wait_for_what_nobody_asked_for_says_so(shop):
    shop.stack("""
        [service calc]
        command = ACTOR
        [service extra]
        command = ACTOR
        profile = more
    """)
    shop.up()
    result = shop.run("wait", "extra", "--timeout", "30")
    assert result.code == 1 and "service 'extra' is down: not asked for" in result.err


def test_wait_ends_at_once_when_it_cannot_come_true(shop):
    shop.stack("""
        [service bad]
        command = ACTOR --exit 1
        slot = auto
        restart = no
    """)
    shop.detach()
    result = shop.run("wait", "bad", "--timeout", "30")
    assert result.code in (1, 6) and result.seconds < 10


def test_down_is_idempotent_and_unknown_instances_are_4(running):
    running.run("down", code=0)
    assert running.run("down").code in (0, 4)
    assert running.run("-p", "nope", "down").code == 4


def test_down_v_as_compose_has_it_says_what_stays(running):
    assert "is down; its data stays, --data deletes it" in running.run("down", "-v", code=0).err
    assert running.state_dir().exists()


def test_down_all_of_the_project_only(world):
    one, two = world.project("one"), world.project("two")
    for project in (one, two):
        project.stack(STACK)
        project.up()
    one.run("--instance", "2", "up", "--wait", code=0)
    one.run("down", "--all", code=0)
    left = world.run("status", "--all", "--json").json["instances"]
    assert [i["project"] for i in left if i["state"] == "ready"] == ["two"]


def test_down_with_a_shorter_timeout(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --ignore-term
        stop.timeout = 60s
    """)
    shop.up()
    pid = shop.pid("calc")
    assert shop.run("down", "--timeout", "1", code=0).seconds < 15
    gone(pid, 1)


def test_registry_list(running):
    project = running.run("registry", "list", "--json", code=0).json["projects"][0]
    assert set(project) >= {"id", "name", "block", "base_port", "path", "status", "owner", "created_at", "last_used_at", "instances"}
    assert project["name"] == "shop" and project["path"] == str(running.dir) and project["status"] == "active"
    assert project["instances"][0]["instance"] == 1
    assert "shop" in running.run("registry", "list", code=0).out


def test_instance_option_auto_and_new(running):
    running.run("--instance", "new", "up", "--wait", code=0)
    instances = running.run("status", "--all", "--json", code=0).json["instances"]
    assert len([i for i in instances if i["state"] == "ready"]) == 2


def test_instance_of_the_environment(running):
    assert running.run("up", "--wait", env={"STACKUP_INSTANCE": "4"}, code=0)
    assert running.run("port", "api", env={"STACKUP_INSTANCE": "4"}, code=0).out == "30131\n"


def test_json_streams_are_on_stdout_and_talk_on_stderr(shop):
    shop.stack(STACK)
    result = shop.run("--json", "up", "--wait", code=0)
    if result.out.strip():
        for line in result.out.splitlines():
            json.loads(line)


def test_a_foreground_run_that_fails_has_its_error_object_behind_the_lines(shop):
    shop.stack("[service calc]\ntype = task\ncommand = ACTOR --say hello --exit 3\n")
    failed = shop.run("up", "--json", code=1)
    first, last = failed.json_lines
    assert first["text"] == "hello" and last["error"]["code"] == "failed", failed
    assert last["error"]["text"] in failed.err and "'calc' failed" in failed.err, failed
    shop.stack("[service calc]\ntype = task\ncommand = ACTOR --say hello --exit 0\n")
    assert [line["text"] for line in shop.run("up", "--json", code=0).json_lines] == ["hello"]


def test_colour_options(running):
    assert "\x1b[" in running.run("--color=always", "status", code=0).out
    assert "\x1b[" in running.run("status", env={"FORCE_COLOR": "1"}, code=0).out
    assert "\x1b" not in running.run("--color=always", "--no-color", "status", code=0).out
    terminal = running.terminal("status")
    terminal.wait()
    assert b"\x1b[" in terminal.output


def test_no_color_on_a_terminal(running):
    terminal = running.world.terminal("status", cwd=running.dir, env={"NO_COLOR": "1"})
    terminal.wait()
    assert b"\x1b[" not in terminal.output


def test_status_in_a_narrow_window_has_reasons_on_lines_of_their_own(shop):
    shop.stack("""
        [service migrate]
        type = task
        command = ACTOR --exit 0
        [service api]
        command = ACTOR --listen
        depends_on = migrate
    """)
    shop.up()
    wide, narrow = (shop.terminal("--no-color", "status", size=(24, columns)) for columns in (150, 60))
    assert wide.wait() == narrow.wait() == 0
    assert re.search(rb"SERVICE +STATE.* REASON\r\nmigrate +done +exited with code 0 after [^\r]+\r\napi ", wide.output)
    assert re.search(rb"SERVICE +STATE[^\r]*MEMORY\r\nmigrate +done\r\n    exited with code 0 after [^\r]+\r\napi ",
                     narrow.output), narrow.output


def test_worktrees_claim_their_own_instances(world):

    shop = world.project("shop")
    shop.stack(STACK)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["worktree", "add", "-q", "-b", "feature/auth", "../wt"]):
        subprocess.run(git + args, cwd=shop.dir, check=True)
    linked = world.project("wt")
    shop.up()
    linked.up()
    status = linked.instance()
    assert status["project"] == "shop" and status["instance"] == 3 and status["branch"] == "feature/auth"
    assert linked.port("api") == 30121 and shop.port("api") == 30101
    linked.down()
    linked.up()
    assert linked.instance()["instance"] == 3
    assert linked.run("env", "api", "--format=json", code=0).json["STACKUP_SLUG"] == "shop-feature-auth"


# ---- as somebody who knows only `stackup help` ----

@pytest.mark.parametrize("verb", ["check", "config", "graph", "version", "doctor", "status", "down"])
def test_a_word_too_many_is_not_ignored(shop, verb):
    shop.stack(STACK)
    refused = shop.run(verb, "api", code=2)
    assert "api" in refused.err or verb == "status", refused


def test_options_that_do_not_exist_are_told_alike(shop):
    for option in ("--nope", "-Z"):
        assert f"`graph` has no option {option}" in shop.run("graph", option, code=2).err
        assert "before a verb" in shop.run(option, code=2).err


def test_forms_exclude_each_other(shop):
    shop.stack(STACK)
    for forms in (["--dot", "--mermaid"], ["--dot", "--json"]):
        assert "not several" in shop.run("graph", *forms, code=2).err


def test_an_unknown_verb_with_json_has_its_error_object(world):
    result = world.run("nope", "--json", code=2)
    assert result.json["error"]["code"] == "usage" and "nope" in result.err


def test_help_leads_to_the_keys(world):
    assert "stackup help service" in world.run("help", code=0).out
    assert "depends_on" in world.run("help", "service", code=0).out
    assert "stackup help service" in world.run("help", "qqqqqqqq", code=2).err
    assert "one verb or one key" in world.run("help", "up", "down", code=2).err


def test_help_of_a_subcommand(world):
    for args in (["help", "ports", "check"], ["ports", "check", "--help"]):
        shown = world.run(*args, code=0).out
        assert "ports check [OPTION...]" in shown and "--ci" in shown and "--grace" not in shown
    assert "check" in world.run("help", "ports", "chekc", code=2).err
    assert "Subcommands:" in world.run("ports", "--help", code=0).out
    world.run("help", "up", "down", code=2)


def test_exec_it_is_told_what_to_leave_away(running):
    result = running.run("exec", "-it", "api", "id", code=2)
    assert "not 't'" in result.err and "a terminal is passed on" in result.err


def test_complaints_name_the_file_as_it_is_seen_from_here(shop):
    shop.stack("[service a]\ncommand = ./missing\n[service b]\ncomand = x\n")
    for args in (["check"], ["up", "-d"], ["config"]):
        err = shop.run(*args, code=78).err
        assert "\nstack.ini:4: unknown key" in "\n" + err, err
    (shop.dir / "sub").mkdir()
    assert str(shop.dir / "stack.ini") + ":4:" in shop.run("check", cwd=shop.dir / "sub", code=78).err
    shop.stack("[service a]\ncommand = ./missing\n")
    lacking = shop.run("up", "-d", code=1)
    assert lacking.err.startswith("stack.ini:2: service 'a': './missing' does not exist"), lacking
    assert "stack.ini cannot be started as it is" in lacking.err
    shop.run("check", code=3)


def test_a_missing_env_file_of_the_command_line_is_not_blamed_on_the_stack_file(shop):
    shop.stack(STACK)
    err = shop.run("check", "--env-file", "nope.env", code=78).err
    assert "--env-file" in err and "nope.env" in err and "stack.ini" not in err, err


def test_events_of_a_service_that_does_not_exist(running):
    assert "did you mean 'api'" in running.run("events", "apo", code=4).err
    assert {e["service"] for e in running.run("events", "--json", "a*", code=0).json_lines} == {"api"}


def test_down_counts_what_it_stopped(running):
    assert running.run("down", "--json", code=0).json["stopped"] == 1
    assert running.run("down", "--json", code=0).json["stopped"] == 0


def test_env_explained_as_json(shop):
    shop.stack(STACK)
    data = shop.run("env", "api", "--explain", "COLOUR", "--json", env={"COLOUR": "red"}, code=0).json
    variable = data["variables"][0]
    assert variable["name"] == "COLOUR" and variable["value"] == "blue" and variable["origin"] == "stack.ini:6"
    assert variable["instead_of"] == [{"value": "red", "origin": "caller", "layer": "caller"}]
    assert "did you mean COLOUR" in shop.run("env", "api", "--explain=COLOURS", code=4).err


def test_a_directory_that_cannot_be_looked_into_is_said(unprivileged):
    shop = unprivileged.project("shop")
    shop.stack(STACK)
    shop.dir.chmod(0)
    os.chown(shop.dir, 0, 0)
    try:
        refused = unprivileged.run("check", "-C", shop.dir)
        assert refused.code == 2 and "Permission denied" in refused.err
    finally:
        shop.dir.chmod(0o755)
