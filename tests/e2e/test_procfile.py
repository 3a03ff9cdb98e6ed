"""A bare Procfile, with .env, as foreman and overmind run it."""
import os
import signal

from harness import http_get, until


def test_row_L8_bare_procfile_runs(shop):
    shop.stack("web: ACTOR --dump-env --listen\nworker: ACTOR --dump-env --listen\n", "Procfile")
    shop.up()
    assert http_get(30100).startswith("web ")
    env = dict(l[4:].split("=", 1) for l in shop.log("web").splitlines() if l.startswith("env ") and "=" in l)
    assert env["PORT"] == "30100" and env["PS"] == "web.1"


def test_ports_by_name_then_file_order(shop):
    shop.stack("worker: ACTOR --listen\nweb: ACTOR --listen\nclock: ACTOR --listen\nredis: ACTOR --listen\n", "Procfile")
    shop.up()
    ports = {s["name"]: s["ports"]["main"] for s in shop.instance()["services"]}
    assert ports["web"] == 30100 and ports["redis"] == 30107
    assert ports["worker"] == 30101 and ports["clock"] == 30102


def test_env_files_win_over_the_caller_in_procfile_mode(shop):
    shop.write(".env", "A=file\nPORT=5000\n")
    shop.stack("web: ACTOR --dump-env --listen\n", "Procfile")
    said = shop.run("up", "--wait", env={"A": "caller"}, code=0)
    assert "env A=file\n" in shop.log("web") and "env PORT=30100\n" in shop.log("web")
    assert said.err.count("PORT") >= 1 and ".env" in said.err


def test_foremans_line_rule_skipped_lines_are_warned_about(shop):
    shop.stack("# comment\n\nweb:ACTOR --listen\nthis is prose\n  indented: x\nempty:\n", "Procfile")
    said = shop.up()
    assert "Procfile:4" in said.err and "Procfile:5" in said.err
    assert [s["name"] for s in shop.instance()["services"]] == ["web"]


def test_duplicate_name_is_an_error_that_names_both_lines(shop):
    shop.stack("web: ACTOR\nworker: ACTOR\nweb: ACTOR --listen\n", "Procfile")
    result = shop.run("up", "-d", code=78)
    assert "Procfile:3" in result.err and "1" in result.err and "web" in result.err


def test_release_and_postdeploy_are_tasks(shop):
    shop.stack("release: ACTOR --say released --exit 0\nweb: ACTOR --listen\npostdeploy: ACTOR --exit 0\n", "Procfile")
    shop.up()
    types = {s["name"]: s["type"] for s in shop.instance()["services"]}
    assert types == {"release": "task", "web": "service", "postdeploy": "task"}


def test_a_notice_is_for_who_starts_or_checks(shop):
    shop.stack("release: ACTOR --exit 0\nweb: ACTOR --listen\n", "Procfile")
    for args in (["check"], ["up", "--dry-run"], ["-v", "graph"], ["up", "-d"]):
        assert "Procfile:1: notice: 'release' runs once" in shop.run(*args, code=0).err, args
    for args in (["port", "web"], ["run", "true"], ["env", "web"], ["graph"], ["-q", "up", "--dry-run"]):
        assert shop.run(*args, code=0).err == "", args


def test_first_exit_stops_the_rest_and_gives_the_exit_code(shop):
    shop.stack("web: ACTOR --listen --wait-file go --exit 7\nworker: ACTOR\n", "Procfile")
    process = shop.world.popen("up", cwd=shop.dir)
    until(lambda: shop.run("wait", "--timeout", "10").code == 0)
    shop.write("go", "")
    assert process.wait(20) == 7
    until(lambda: not shop.world.survivors())


def test_a_watcher_that_ends_with_its_standard_input_is_told_what_it_needs(shop):
    shop.stack("css: /bin/cat\nworker: ACTOR\n", "Procfile")
    assert "`tty = yes`" in shop.run("up", code=0).err
    assert "'css' ended" in (why := shop.run("why", "worker", code=0).out) and "tty" not in why
    shop.stack("web: ACTOR --exit 7\nworker: ACTOR\n", "Procfile")
    assert "tty" not in shop.run("up", code=7).err


def test_no_restart_in_procfile_mode(shop):
    shop.stack("web: ACTOR --write-file starts web --raise KILL\nworker: ACTOR\n", "Procfile")
    result = shop.run("up")
    assert result.code != 0 and len(shop.starts("starts")) == 1


def test_shell_commands_and_no_textual_substitution(shop):
    shop.write(".env", "FOO=1\n")
    shop.stack("web: cd /tmp && echo \"$FOO $FOOD ${PORT}x\" && exec ACTOR\n", "Procfile")
    shop.run("up", "-d", code=0)
    until(lambda: shop.log("web") == "1  30100x\n")


def test_a_named_procfile(shop):
    shop.stack("web: ACTOR --listen\n", "Procfile.dev")
    shop.run("-f", "Procfile.dev", "up", "--wait", code=0)
    assert http_get(30100)


def test_stack_ini_wins_over_procfile(shop):
    shop.stack("web: ACTOR\n", "Procfile")
    shop.stack("[service calc]\ncommand = ACTOR\n")
    shop.up()
    assert [s["name"] for s in shop.instance()["services"]] == ["calc"]


def test_empty_procfile_is_an_error(shop):
    shop.write("Procfile", "# nothing\n")
    assert shop.run("up", "-d", code=78).err


def test_bom_and_crlf(shop):
    shop.write("Procfile", b"\xef\xbb\xbfweb: sleep 60\r\nworker: sleep 60\r\n")
    shop.up()
    assert [s["name"] for s in shop.instance()["services"]] == ["web", "worker"]


def test_ctrl_c_as_in_other_runners(shop):
    shop.stack("web: ACTOR --exit-on-term 0 --say up --listen\nworker: ACTOR --exit-on-term 0 --say up\n", "Procfile")
    terminal = shop.terminal("up")
    terminal.wait_for("web[^\n]*up")
    terminal.wait_for("worker[^\n]*up")
    terminal.type("\x03")
    assert terminal.wait() == 130


def test_sigkill_of_a_process_is_128_plus_9(shop):
    shop.stack("web: ACTOR --listen\n", "Procfile")
    process = shop.world.popen("up", cwd=shop.dir)
    until(lambda: shop.run("wait", "--timeout", "10").code == 0)
    os.kill(shop.pid("web"), signal.SIGKILL)
    assert process.wait(20) == 137


def test_what_a_procfile_cannot_say_is_not_advised(shop):
    shop.stack("web: ACTOR --listen\n", "Procfile")

    def advised():
        url, port = shop.run("url", "web", code=4).err, shop.run("port", "web", "admin", code=4).err
        assert "a Procfile has no place for it: in a stack.ini write" in url
        assert "a Procfile has no place for it: in a stack.ini write `port.admin = auto`" in port
    advised()
    shop.up()
    advised()
