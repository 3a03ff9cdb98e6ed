"""The main job: up, status, down; order; conditions; convergence; validation before anything starts."""
import json
import os
import re
import signal
import socket
import subprocess
import threading

import pytest
from harness import alive, gone, http_get, listening_ports, port_is_free, until

STACK = """
    [stack]
    name = shop

    [service db]
    command = ACTOR --ready-after 50

    [service migrate]
    type = task
    command = ACTOR --say migrated --exit 0
    depends_on = db

    [service api]
    command = ACTOR --listen
    depends_on = db, migrate:completed
    health = http /healthz

    [service frontend]
    command = ACTOR --listen
    depends_on = api
    env.VITE_API = ${api.url}
"""


def test_row_F3_up_status_down_of_instance_3(shop):
    shop.stack(STACK)
    shop.run("up", "--instance", "3", "--wait", code=0)
    status = shop.run("--instance", "3", "status", "--json", code=0).json
    assert status["version"] == 1
    instance = status["instances"][0]
    assert instance["project"] == "shop" and instance["instance"] == 3
    assert instance["state"] == "ready" and instance["base_port"] == 30120
    assert instance["purpose"] == "feature-1" and instance["environment"] == "development"
    assert instance["dir"] == str(shop.dir)
    assert alive(instance["pid"]) and alive(instance["guardian_pid"])
    services = {s["name"]: s for s in instance["services"]}
    assert services["migrate"]["state"] in ("ready", "done")
    assert [services[n]["state"] for n in ("db", "api", "frontend")] == ["ready"] * 3
    assert services["api"]["ports"] == {"main": 30121} and services["api"]["health"] == "healthy"
    assert services["api"]["url"] == "http://localhost:30121"
    assert services["migrate"]["exit_code"] == 0 and services["migrate"]["type"] == "task"
    assert http_get(30120).startswith("frontend ")
    pids = [s["pid"] for s in instance["services"] if s["pid"]] + [instance["pid"], instance["guardian_pid"]]
    shop.run("--instance", "3", "down", code=0)
    assert not [pid for pid in pids if alive(pid)]
    assert all(port_is_free(port) for port in range(30120, 30130))


def test_status_shape_is_the_contract(shop):
    shop.stack(STACK)
    shop.up()
    instance = shop.instance()
    assert set(instance) >= {"project", "dir", "instance", "id", "purpose", "branch", "environment", "state",
                             "base_port", "pid", "guardian_pid", "started_at", "services"}
    for service in instance["services"]:
        assert set(service) >= {"name", "type", "state", "health", "reason", "pid", "ports", "url", "restarts",
                                "exit_code", "signal", "started_at", "ready_at", "cpu_percent", "memory_bytes"}
    assert instance["started_at"].endswith("Z") and "T" in instance["started_at"]
    api = shop.service("api")
    assert api["memory_bytes"] > 0 and api["restarts"] == 0 and api["exit_code"] is None and api["signal"] is None


def test_row_L2_order_follows_dependencies(shop):
    shop.stack("""
        [service first]
        command = ACTOR --write-file order first --notify
        ready = notify
        [service second]
        command = ACTOR --write-file order second
        depends_on = first
        [service job]
        type = task
        command = ACTOR --wait 100 --write-file order job --exit 0
        depends_on = first:started
        [service third]
        command = ACTOR --write-file order third
        depends_on = second:started, job
    """)
    shop.up()
    order = [word for word, _, _ in shop.starts("order")]
    assert order[0] == "first" and order[-1] == "third" and set(order) == {"first", "second", "job", "third"}


def test_row_L2_independent_services_start_at_the_same_time(shop):
    shop.stack("\n".join(f"""
        [service s{n}]
        command = ACTOR --wait 400 --notify
        ready = notify""" for n in range(8)))
    result = shop.up()
    assert result.seconds < 8 * 0.4, "eight services that need 0.4 s each started one after the other"


def test_row_L2_condition_healthy_waits_for_health(shop):
    shop.stack("""
        [service api]
        command = ACTOR --healthy-while well --listen
        health = http /
        health.interval = 50ms
        ready = port
        [service web]
        command = ACTOR --listen
        depends_on = api:healthy
    """)
    shop.detach()
    shop.wait_state("api", "ready")
    assert shop.state("web") == "blocked"
    assert "api" in shop.run("why", "web", code=0).out
    shop.write("well", "")
    shop.wait_state("web", "ready")


def cycle(names):
    return "".join(f"[service {name}]\ncommand = ACTOR\ndepends_on = {on}\n"
                   for name, on in zip(names, names[1:] + names[:1]))


CYCLES = {
    "two": (cycle(["a", "b"]), "ab"),
    "three": (cycle(["a", "b", "c"]), "abc"),
    "seven, and others beside it": (cycle(list("abcdefg")) + "[service x]\ncommand = ACTOR\ndepends_on = c\n", "abcdefg"),
    "by [defaults]": ("[defaults]\ndepends_on = b\n[service a]\ncommand = ACTOR\n"
                      "[service b]\ncommand = ACTOR\ndepends_on = a\n", "ab"),
    "in one environment": ("[stack]\nenvironment = test\n[environment test]\n[service a]\ncommand = ACTOR\ndepends_on = b\n"
                           "[service b]\ncommand = ACTOR\n[service b @test]\ndepends_on = a\n", "ab"),
}


@pytest.mark.parametrize("kind", CYCLES)
def test_fault_B16_cycle_is_named_in_full_and_what_runs_stays(shop, kind):
    text, names = CYCLES[kind]
    shop.stack("[service a]\ncommand = ACTOR\n")
    shop.up()
    before = shop.instance()
    shop.stack(text)
    for args in (["up", "-d"], ["check"]):
        result = shop.run(*args, code=78)
        said = result.err + result.out
        line = next(l for l in said.splitlines() if "->" in l or "→" in l)
        assert "stack.ini:" in line and all(f"'{name}'" in line or f" {name} " in f"{line} " for name in names), line
    after = shop.instance()
    assert (before["pid"], before["services"][0]["pid"]) == (after["pid"], after["services"][0]["pid"])
    assert after["state"] == "ready"


def test_many_ways_to_the_same_service(shop):
    """Layers that each need all of the one below: nothing may try every way down."""
    wide, deep = 4, 16
    sections = []
    for layer in range(deep):
        needs = ", ".join(f"s{layer - 1}-{i}" for i in range(wide))
        for i in range(wide):
            sections.append(f"[service s{layer}-{i}]\ncommand = ACTOR\n" + (f"depends_on = {needs}\n" if layer else ""))
    shop.stack("\n".join(sections))
    assert "64 services" in shop.run("check", code=0).out
    shop.up("s15-0")
    shop.run("stop", "s0-0", code=0)
    shop.run("start", code=0)


def test_fault_B17_self_and_missing_dependency(shop):
    shop.stack("""
        [service calc]
        command = ACTOR
        depends_on = calc
        [service page]
        command = ACTOR
        depends_on = calk
    """)
    result = shop.run("up", "-d", code=78)
    assert "stack.ini:3:" in result.err and "stack.ini:6:" in result.err
    assert "did you mean" in result.err and "calc" in result.err


def test_row_L3_everything_wrong_is_said_at_once(shop):
    shop.stack("""
        [stack]
        require.commands = no-such-tool, python3>=99
        require.variables = NO_SUCH_VARIABLE
        require.files = no/such/file
        [service calc]
        command = ./no-such-program
        [service page]
        command = ACTOR
        dir = no-such-directory
    """)
    result = shop.run("up", "-d")
    assert result.code not in (0, 2), result
    for word in ("no-such-tool", "python3", "99", "NO_SUCH_VARIABLE", "no/such/file", "no-such-program", "no-such-directory"):
        assert word in result.err, word
    assert shop.world.survivors() == []
    assert result.code == 1 and "the stack file has" not in result.err
    checked = shop.run("check", code=3)
    assert "no-such-tool" in checked.out + checked.err


def test_row_L7_profile_optional_and_task(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service extra]
        command = ACTOR
        profile = tools
        [service flaky]
        command = ACTOR --exit 3
        optional = yes
        restart = no
        [service seed]
        type = task
        command = ACTOR --say seeded --exit 0
    """)
    shop.up()
    states = {s["name"]: s["state"] for s in shop.instance()["services"]}
    assert states["api"] == "ready" and states["flaky"] == "failed"
    assert states.get("extra", "down") == "down"
    shop.down()
    shop.run("--profile", "tools", "up", "--wait", code=0)
    assert shop.state("extra") == "ready"


def test_up_of_one_service_brings_what_it_needs(shop):
    shop.stack(STACK)
    shop.up("api")
    states = {s["name"]: s["state"] for s in shop.instance()["services"]}
    assert states["db"] == "ready" and states["api"] == "ready" and states["frontend"] == "down"
    shop.up("frontend")
    assert shop.state("frontend") == "ready"


def test_up_no_deps_touches_only_the_named_one(shop):
    shop.stack(STACK)
    shop.up("api", "--no-deps")
    states = {s["name"]: s["state"] for s in shop.instance()["services"]}
    assert states["api"] == "ready" and states["db"] == "down"


def test_dry_run_starts_nothing(shop):
    shop.stack(STACK)
    result = shop.run("up", "--dry-run", code=0)
    for name in ("db", "migrate", "api", "frontend"):
        assert name in result.out
    assert shop.world.survivors() == [] and not listening_ports() & set(range(30100, 30200))


def test_promise_P16_second_up_restarts_only_what_changed(shop):
    shop.stack(STACK)
    shop.up()
    before = {s["name"]: s["pid"] for s in shop.instance()["services"]}
    shop.stack(STACK.replace("env.VITE_API = ${api.url}", "env.VITE_API = changed"))
    shop.up()
    after = {s["name"]: s["pid"] for s in shop.instance()["services"]}
    assert before["api"] == after["api"] and before["db"] == after["db"]
    assert before["frontend"] != after["frontend"]


def test_second_up_without_change_changes_nothing(shop):
    shop.stack(STACK)
    shop.up()
    before = shop.instance()
    shop.up()
    after = shop.instance()
    assert before["id"] == after["id"] and before["pid"] == after["pid"]
    assert [s["pid"] for s in before["services"]] == [s["pid"] for s in after["services"]]


def test_fault_I13_bad_reload_changes_nothing(shop):
    shop.stack(STACK)
    shop.up()
    before = shop.instance()
    shop.stack(STACK.replace("depends_on = api", "depends_on = apii"))
    result = shop.run("up", "-d", code=78)
    assert "stack.ini:" in result.err
    after = shop.instance()
    assert [s["pid"] for s in before["services"]] == [s["pid"] for s in after["services"]]
    assert after["state"] == "ready"


def test_fault_I12_deleted_or_half_written_file_keeps_the_running_set(shop):
    shop.stack(STACK)
    shop.up()
    before = shop.instance()
    text = (shop.dir / "stack.ini").read_text()
    shop.write("stack.ini", text[:len(text) // 2] + "\n[service ")
    assert shop.run("up", "-d").code == 78
    (shop.dir / "stack.ini").unlink()
    assert shop.run("up", "-d").code != 0
    after = shop.run("-p", "shop", "status", "--json").json["instances"][0]
    assert [s["pid"] for s in before["services"]] == [s["pid"] for s in after["services"]]
    shop.run("-p", "shop", "down", code=0)


def test_fault_I14_reload_removes_and_adds(shop):
    shop.stack("""
        [service old]
        command = ACTOR
        [service same]
        command = ACTOR
    """)
    shop.up()
    old, same = shop.pid("old"), shop.pid("same")
    shop.stack("""
        [service same]
        command = ACTOR
        [service new]
        command = ACTOR
    """)
    shop.up()
    names = {s["name"] for s in shop.instance()["services"] if s["state"] == "ready"}
    assert names == {"same", "new"} and shop.pid("same") == same and not alive(old)


def test_fault_S17_two_ups_at_once_one_wins_the_other_converges(shop):
    shop.stack(STACK)
    for _ in range(5):
        results = [None, None]

        def go(i):
            results[i] = shop.run("up", "--wait")
        threads = [threading.Thread(target=go, args=(i,)) for i in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert [r.code for r in results] == [0, 0], results
        running = shop.run("status", "--all", "--json").json["instances"]
        assert len([i for i in running if i["state"] == "ready"]) == 1
        shop.down()


def test_fault_S17_many_ups_at_once_converge_one_after_the_other(shop):
    shop.stack(STACK)
    shop.detach()
    # Each wants something else: every one of them has something to change.
    ups = [shop.world.popen("up", "-d", cwd=shop.dir, env={"TURN": str(i)}, stderr=subprocess.PIPE) for i in range(8)]
    said = [up.communicate(timeout=60) for up in ups]
    assert [up.returncode for up in ups] == [0] * 8, said


def test_detach_returns_when_ports_are_there_and_wait_when_all_is_ready(shop):
    shop.stack("""
        [service api]
        command = ACTOR --wait-file go --listen
    """)
    shop.detach()
    assert shop.state("api") == "starting"
    waiting = shop.world.popen("wait", "api", cwd=shop.dir)
    shop.write("go", "")
    assert waiting.wait(20) == 0
    assert shop.state("api") == "ready"


@pytest.mark.parametrize("killed", [False, True], ids=["down", "killed"])
def test_whoever_waits_for_a_start_is_told_that_the_instance_ended(shop, killed):
    shop.stack("""
        [service api]
        command = ACTOR --wait-file go --listen
    """)
    shop.detach()
    waiting = shop.world.popen("up", "--wait", cwd=shop.dir, stderr=subprocess.PIPE, text=True)
    until(lambda: "read again" in str(shop.past_events()), 20, "it waits")
    if killed:
        os.kill(shop.instance()["pid"], signal.SIGKILL)
    else:
        shop.run("down", code=0)
    said = waiting.communicate(timeout=20)[1]
    assert waiting.returncode == 1 and "goes on" not in said, said
    assert not killed or "ended before it was ready" in said


def test_wait_timeout_is_124(shop):
    shop.stack("""
        [service api]
        command = ACTOR --wait-file go --listen
    """)
    assert shop.run("up", "--wait", "--wait-timeout", "0.5").code == 124
    assert shop.run("wait", "api", "--timeout", "0.3").code == 124
    assert shop.state("api") == "starting"


def test_exit_code_6_when_ready_timeout_passes(shop):
    shop.stack("""
        [service api]
        command = ACTOR
        slot = api
        ready.timeout = 200ms
        restart = no
    """)
    assert shop.run("up", "--wait").code == 6


def test_exit_code_1_when_a_service_crashes_past_its_limit(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --say "the last thing it said" --exit 3
        slot = auto
        restart.delay = 10ms
        restart.limit = 2 in 1m
    """)
    result = shop.run("up", "--wait", code=1)
    assert "calc" in result.err and "3" in result.err and "the last thing it said" in result.err + result.out


def test_whoever_watches_a_start_sees_where_each_service_is(shop):
    shop.stack("""
        [service api]
        command = ACTOR --say hello --listen
        protocol = http
        [service db]
        command = ACTOR --listen
        depends_on = api
        [service background-worker]
        command = ACTOR --wait-file go
        depends_on = db
    """)
    terminal = shop.terminal("--no-color", "up")
    terminal.wait_for(r"stackup: api: ready after [^,\r]+, http://localhost:30101\r")
    terminal.wait_for(r"stackup: db: ready after [^,\r]+, port 30102\r")
    terminal.wait_for(r"stackup: background-worker: ready after [^,\r]+\r")
    # The column is as wide as the longest name that may still come.
    terminal.wait_for(r"\napi               \| hello\r")
    second = shop.terminal("up")
    second.wait_for("following shop instance 1, which runs already; Ctrl-C ends only this")
    second.type("\x03")
    assert second.wait() == 130
    terminal.type("\x03")
    assert terminal.wait() == 130


@pytest.mark.parametrize("more,lines", [([], ["done: exited"]), (["-v"], ["exited", "done: exited"])])
def test_an_exit_is_one_line_of_a_start(shop, more, lines):
    shop.stack("[service migrate]\ntype = task\ncommand = ACTOR --exit 0\n")
    terminal = shop.terminal("--no-color", *more, "up")
    assert terminal.wait() == 0
    said = re.findall(r"stackup: migrate: (.*exited) with code 0", terminal.output.decode())
    assert said == lines, terminal.output


def test_foreground_ends_when_everything_is_done(shop):
    shop.stack("""
        [service one]
        type = task
        command = ACTOR --say done-one --exit 0
        [service two]
        type = task
        command = ACTOR --say done-two --exit 0
        depends_on = one
    """)
    result = shop.run("up", code=0)
    assert "done-one" in result.out and "done-two" in result.out


def test_foreground_ends_with_1_when_something_failed(shop):
    shop.stack("""
        [service one]
        type = task
        command = ACTOR --exit 4
    """)
    assert shop.run("up").code == 1


def test_exit_code_from(shop):
    shop.stack("""
        [service test]
        type = task
        command = ACTOR --exit 42
        [service calc]
        command = ACTOR
    """)
    assert shop.run("up", "--exit-code-from", "test").code == 42


def test_abort_on_failure_stops_the_rest(shop):
    shop.stack("""
        [service bad]
        command = ACTOR --wait-file go --exit 5
        restart = no
        [service calc]
        command = ACTOR
    """)
    running = shop.world.popen("up", "--abort-on-failure", cwd=shop.dir)
    until(lambda: shop.run("wait", "calc", "--timeout", "10").code == 0)
    shop.write("go", "")
    assert running.wait(20) == 1


def test_what_was_not_started_is_told_in_a_line_each(shop):
    shop.stack("""
        [service db]
        type = task
        command = ACTOR --say no-disk --exit 3
        [service calc]
        command = ACTOR
        depends_on = db
        [service page]
        command = ACTOR
        depends_on = calc
        [service more]
        command = ACTOR
        depends_on = page
    """)
    said = shop.up(code=6).err
    for name in ("calc", "page", "more"):
        assert said.count(name) == 1 and f"{name}: not started: it needs 'db', which failed: exited with code 3" in said, said
    assert said.count("no-disk") == 1
    assert shop.run("wait", "more", code=6).err.count("no-disk") == 1


def test_essential_failure_stops_the_instance(shop):
    shop.stack("""
        [service heart]
        command = ACTOR --wait-file go --exit 5
        restart = no
        essential = yes
        [service calc]
        command = ACTOR
    """)
    shop.up()
    calc = shop.pid("calc")
    shop.write("go", "")
    gone(calc)
    until(lambda: not shop.world.survivors())
    assert "calc is down: essential service 'heart' failed" in shop.run("why", "calc", code=0).out
    ended = r"(?m)^ended \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z: "
    assert re.search(ended + "essential service 'heart' failed: exited with code 5 after",
                     shop.run("status", code=3).out)
    shop.stack("""
        [service migrate]
        type = task
        command = ACTOR --exit 0
    """)
    shop.run("up", code=0)
    assert re.search(ended + "'migrate' done: exited with code 0", shop.run("status", code=3).out)
    assert "ended" not in shop.run("status", "--json", code=3).out
    shop.stack("[service api]\ncommand = ACTOR --listen\non_conflict = fail\n")
    with socket.create_server(("127.0.0.1", 30101)):
        shop.run("up", "-d", code=5)
    assert re.search(ended + "not started: port 30101 .*held by", shop.run("status", code=3).out)


def test_works_from_any_directory_by_project_name(shop, tmp_path):
    shop.stack(STACK)
    shop.up()
    for args in (["status"], ["logs", "-n", "5"], ["port", "api"], ["why", "api"]):
        assert shop.run("-p", "shop", *args, cwd=tmp_path).code == 0, args
    shop.run("-p", "shop", "restart", "api", cwd=tmp_path, code=0)
    shop.run("-p", "shop", "down", cwd=tmp_path, code=0)


def test_unprivileged_user_runs_the_whole_thing(unprivileged):
    shop = unprivileged.project("shop")
    shop.stack(STACK)
    shop.up()
    assert http_get(shop.port("frontend")).startswith("frontend ")
    api = shop.pid("api")
    os.kill(api, signal.SIGKILL)
    shop.wait_state("api", "ready")
    shop.down()


def test_standard_input_as_the_stack_file(shop):
    text = "[stack]\nname = fromstdin\n[service api]\ncommand = " + shop.stack("ACTOR").read_text().strip() + " --listen\n"
    (shop.dir / "stack.ini").unlink()
    shop.run("-f", "-", "up", "--wait", input=text, code=0)
    assert shop.run("-p", "fromstdin", "status", "--json", code=0).json["instances"][0]["state"] == "ready"
    shop.run("-p", "fromstdin", "down", code=0)


def test_json_errors_are_on_stdout_beside_the_sentence(shop):
    shop.stack("[service calc]\ncommannd = ACTOR")
    result = shop.run("--json", "up", "-d", code=78)
    error = json.loads(result.out)["error"]
    assert error["code"] == "bad_stack_file" and error["text"]
    assert "did you mean" in result.err


@pytest.mark.parametrize("number", [1, 10])
def test_row_P1_instances_have_their_tens(shop, number):
    shop.stack(STACK)
    shop.run("up", "--instance", str(number), "--wait", code=0)
    assert shop.instance("--instance", str(number))["base_port"] == 30100 + 10 * (number - 1)


def test_row_P1_more_than_ten_instances_take_another_block(shop):
    shop.stack(STACK)
    shop.run("up", "--instance", "11", "--wait", code=0)
    assert shop.instance("--instance", "11")["base_port"] == 30200
