"""Faults I and row L1: a bad stack file ends in sentences with file, line, and the fix; exit code 78."""
import os
import re
import subprocess

import pytest


def complaints(shop, text, *words):
    """Refused with 78, every complaint with its place, and all the words; nothing was started."""
    shop.write("stack.ini", text)
    result = shop.run("up", "-d", code=78)
    lines = [l for l in result.err.splitlines() if "stack.ini:" in l]
    assert lines, result
    for word in words:
        assert word in result.err, (word, result)
    assert not shop.world.survivors()
    checked = shop.run("check", code=78)
    assert "stack.ini:" in checked.err + checked.out
    return result.err


GOOD = "[service api]\ncommand = sleep 60\n"


@pytest.mark.parametrize("size", [200, 4096, 65000])
def test_fault_I1_long_values_arrive_whole(shop, size):
    shop.write("stack.ini", GOOD + "env.LONG = " + "a" * (size - 11) + "\n")
    value = shop.run("env", "api", "--format=json", code=0).json["LONG"]
    assert value == "a" * (size - 11)


@pytest.mark.parametrize("size", [65537, 70000, 1 << 20])
def test_fault_I1_longer_lines_are_refused_and_never_split(shop, size):
    complaints(shop, GOOD + "env.LONG = ".ljust(size, "x") + "\nenv.OTHER = 1\n", "stack.ini:3", "65536")


def test_fault_I2_unclosed_section_junk_and_key_without_value(shop):
    err = complaints(shop, GOOD + "[service web\ncommand = sleep 1\njunk line\n[service db]\ncommand\n",
                     "stack.ini:3:", "stack.ini:5:", "stack.ini:7:")
    assert len([l for l in err.splitlines() if l.startswith("stack.ini:") or "/stack.ini:" in l]) >= 3


def test_fault_I3_duplicates_name_both_lines(shop):
    err = complaints(shop, GOOD + "command = sleep 2\n[service api]\ncommand = sleep 3\n", "stack.ini:3:", "stack.ini:4:")
    assert "2" in err and "1" in err


@pytest.mark.parametrize("name", ["x" * 33, "Api", "a b", "1api", "a\x01b", "a/b", "ä"])
def test_fault_I4_bad_names(shop, name):
    complaints(shop, GOOD + f"[service {name}]\ncommand = sleep 1\n", "stack.ini:3:")


def test_fault_I5_bom_and_crlf_are_accepted(shop):
    shop.write("stack.ini", b"\xef\xbb\xbf[service api]\r\ncommand = sleep 60\r\nenv.A = b\r\n")
    assert shop.run("env", "api", "--format=json", code=0).json["A"] == "b"


@pytest.mark.parametrize("data", [b"[service api]\ncommand = a\x00b\n", b"[service api]\ncommand = \xff\xfe\n",
                                  "[service api]\ncommand = x\n".encode("utf-16")])
def test_fault_I5_nul_invalid_utf8_and_utf16_are_refused(shop, data):
    complaints(shop, data)


def test_fault_I6_too_many_services_has_a_limit_with_a_message(shop):
    text = "".join(f"[service s{i}]\ncommand = sleep 60\n" for i in range(10000))
    shop.write("stack.ini", text)
    result = shop.run("check", code=78, timeout=60)
    assert "2000" in result.err + result.out


@pytest.mark.parametrize("wrong,right", [("commmand = x", "command"), ("depend_on = api", "depends_on"),
                                         ("restart.dealy = 1s", "restart.delay"), ("healht = tcp", "health"),
                                         ("stop.timout = 1s", "stop.timeout"), ("env_fle = x", "env_file")])
def test_fault_I7_unknown_key_with_suggestion(shop, wrong, right):
    complaints(shop, GOOD + wrong + "\n", "stack.ini:3:", "did you mean", right)


@pytest.mark.parametrize("text,right", [("[servcie web]\ncommand = x\n", "service"), ("[default]\nrestart = no\n", "defaults"),
                                        ("[service web]\ncommand = x\ndepends_on = aip\n", "api"),
                                        ("[service web]\ncommand = x\nslot = fronted\n", "frontend"),
                                        ("[service web]\ncommand = x\ndepends_on = api:redy\n", "ready")])
def test_row_L1_did_you_mean_for_sections_services_slots_conditions(shop, text, right):
    complaints(shop, GOOD + text, "did you mean", right)


@pytest.mark.parametrize("key", ["watch = *.py", "memory_max = 1G", "cpu_max = 1", "replicas = 2"])
def test_keys_of_later_versions_are_absent_not_ignored(shop, key):
    complaints(shop, GOOD + key + "\n", "stack.ini:3:")


@pytest.mark.parametrize("section", ["notify x", "route", "watch-ip", "scan", "dashboard"])
def test_sections_of_later_versions_are_absent(shop, section):
    complaints(shop, GOOD + f"[{section}]\n", "stack.ini:3:")


@pytest.mark.parametrize("text", ["env.A = ${NO_SUCH}", "env.A = ${no.such.thing}", "env.A = ${webb.port}",
                                  "env.A = ${UNCLOSED", "env.A = ${X:?it must be set}", "dir = ${nothing}"])
def test_fault_I8_undefined_variables(shop, text):
    complaints(shop, GOOD + text + "\n", "stack.ini:3:")


def test_fault_I8_message_of_the_file_is_shown(shop):
    complaints(shop, GOOD + "env.A = ${X:?run make secrets first}\n", "run make secrets first")


def test_fault_I8_expansion_is_limited(shop):
    deep = "${A:-" * 5000 + "x" + "}" * 5000
    complaints(shop, GOOD + f"env.A = {deep}\n", "stack.ini:3:")
    wide = GOOD + "env.B = " + "${LONG}" * 9000 + "\n"
    shop.write("stack.ini", wide)
    result = shop.run("check", env={"LONG": "x" * 100000}, timeout=60)
    assert result.code == 78 and "stack.ini:3:" in result.err + result.out


@pytest.mark.parametrize("value", ["a ; b # c", 'quo"ted', "it's", "a=b=c", "[x]", "-n", " $$HOME ", "#start", "; start"])
def test_fault_I9_values_are_literal(shop, value):
    shop.write("stack.ini", GOOD + f"env.A = {value}\n")
    assert shop.run("env", "api", "--format=json", code=0).json["A"] == value.strip().replace("$$", "$")


def test_value_over_several_lines(shop):
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\nenv.A = one\n    two\n    three\ndepends_on =\n    db\n    web\n"
               "[service db]\ncommand = sleep 60\n[service web]\ncommand = sleep 60\n")
    assert shop.run("env", "api", "--format=json", code=0).json["A"] == "one\ntwo\nthree"
    graph = shop.run("graph", "--dot", code=0).out
    assert '"db"' in graph and '"web"' in graph


@pytest.mark.parametrize("line", ["    restart = no", "    [service web]"])
def test_indented_key_or_section_is_an_error_not_glued(shop, line):
    complaints(shop, GOOD + "env.A = x\n" + line + "\n", "stack.ini:4:")


def test_colon_as_separator_is_an_error(shop):
    complaints(shop, "[service api]\ncommand: sleep 60\n", "stack.ini:2:", "=")


@pytest.mark.parametrize("line,form", [("restart.delay = soon", "500ms"), ("slot = 10", "0"), ("optional = perhaps", "yes"),
                                       ("port = 70000", "65535"), ("restart = sometimes", "on-failure"),
                                       ("health.status = abc", "200"), ("restart.limit = many", "10 in 5m"),
                                       ("log.max_size = big", "64M"), ("stop.signal = NOPE", "TERM"), ("range = 9-1", "8000"),
                                       ("ready = log (", ""), ("health = smoke", "http")])
def test_values_say_the_accepted_form(shop, line, form):
    complaints(shop, GOOD + line + "\n", "stack.ini:3:", form)


def test_all_complaints_at_once_in_file_order(shop):
    err = complaints(shop, "[stack]\nnmae = x\n[service api]\ncommnd = x\nslot = 99\n[service b]\ncommand = x\ndepends_on = c, d\n")

    numbers = [int(n) for n in re.findall(r"stack\.ini:(\d+):", err)]
    assert numbers == sorted(numbers) and {2, 4, 5, 8} <= set(numbers) and numbers.count(8) == 2


def test_mistakes_across_services_are_said_with_the_others(shop):
    complaints(shop, GOOD + "depends_on = b\nslot = 1\nbogus = 1\n[service b]\ncommand = x\ndepends_on = c\n"
               "[service c]\ncommand = x\ndepends_on = api\n"
               "[service x-y]\ncommand = x\nslot = auto\n[service x_y]\ncommand = x\nslot = auto\n",
               "stack.ini:5: unknown key 'bogus'", "in a circle: api -> b -> c -> api", "would both be X_Y_PORT")


def test_missing_command_is_said_at_the_section(shop):
    complaints(shop, "[service api]\nslot = api\n", "stack.ini:1:", "command")


@pytest.mark.parametrize("text, where", [
    (GOOD + "slot = api\n[service b]\ncommand = sleep 60\nslot = api\n", "stack.ini:6:"),
    (GOOD + "port = 5000\n[service b]\ncommand = sleep 60\nport = 5000\n", "stack.ini:6:"),
    (GOOD + "".join(f"port.p{n} = auto\n" for n in range(11)), "stack.ini: the services want 12 slots"),
    ("[service api]\ncommand = a\0b\n", "stack.ini:2: a NUL byte in column 12"),
    ("[service api]\ncommand : a\n", "stack.ini:2:"),
])
def test_one_mistake_is_one_complaint(shop, text, where):
    assert complaints(shop, text, where).count("stack.ini:") == 1
    checked = shop.run("check", code=78)
    assert (checked.out + checked.err).count("stack.ini:") == 1, checked


def test_refused_file_registers_nothing(shop):
    """Neither a file with mistakes nor a service that is not there makes a project known."""
    shop.write("stack.ini", "[stack]\nname = typo\n[service api]\ncommnd = sleep 60\n")
    shop.run("up", "-d", code=78)
    shop.write("stack.ini", GOOD)
    shop.run("up", "-d", "nobody", code=4)
    shop.write("stack.ini", "[service api]\ncommand = no-such-program\n")
    assert shop.run("up", "-d", code=1).err.count("'no-such-program' was not found") == 1
    assert shop.run("registry", "list", "--json", code=0).json["projects"] == []
    assert not (shop.world.home / "shop").exists()


def test_a_refused_launch_registers_no_instance(shop):
    shop.write("stack.ini", GOOD)
    shop.detach()
    for text, code in (("[service api]\ncommnd = sleep 60\n", 78), ("[service api]\ncommand = no-such-program\n", 1)):
        shop.write("stack.ini", text)
        shop.run("-i", "5", "up", "-d", code=code)
        project, = shop.run("registry", "list", "--json", code=0).json["projects"]
        assert project["name"] == "shop" and [i["instance"] for i in project["instances"]] == [1]
    assert not shop.state_dir(5).exists()
    shop.write("stack.ini", GOOD)
    shop.run("-i", "5", "up", "-d", code=0)


def test_no_stack_file_at_all(shop):
    result = shop.run("up", "-d")
    assert result.code == 78 or result.code == 2
    assert "stack.ini" in result.err and "Procfile" in result.err


def test_stack_file_is_found_upwards_but_not_past_the_git_top(shop):
    shop.write("stack.ini", GOOD)
    shop.write("sub/dir/x", "")
    assert "api" in shop.run("config", cwd=shop.dir / "sub" / "dir", code=0).out
    subprocess.run(["git", "init", "-q", shop.dir / "sub"], check=True)
    assert shop.run("config", cwd=shop.dir / "sub" / "dir").code != 0


def test_check_json(shop):
    shop.write("stack.ini", GOOD + "depend_on = x\n")
    data = shop.run("check", "--json", code=78).json
    complaint = data["complaints"][0]
    assert set(complaint) >= {"file", "line", "key", "severity", "text", "hint"} and complaint["line"] == 3
    assert complaint["key"] == "depend_on" and "depends_on" in complaint["hint"] + complaint["text"]


def test_check_of_a_good_file(shop):
    shop.write("stack.ini", GOOD)
    assert shop.run("check", code=0)
    assert shop.run("check", "--json", code=0).json["complaints"] == []


def test_config_shows_the_resolved_file(shop):
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\nenv.M = ${N:-7x7}\nslot = api\nprotocol = http\nenv.URL = ${url}\nsecret = TOKEN\n"
               "env.TOKEN = canary-value\n")
    out = shop.run("config", code=0).out
    assert "sleep 60" in out and "7x7" in out and "http://localhost:30101" in out and "canary-value" not in out


def test_fault_I18_stack_file_of_another_user_is_refused_by_root(shop):

    if os.getuid() != 0:
        pytest.skip("needs root")
    path = shop.write("stack.ini", GOOD)
    os.chown(path, 65534, 65534)
    result = shop.run("up", "-d")
    assert result.code != 0 and "nobody" in result.err


def test_promise_P13_a_secret_appears_nowhere(shop):
    shop.write("stack.ini", "[service calc]\ncommand = sleep 60\nsecret = API_TOKEN\nenv.API_TOKEN = canary-0815\n")
    shop.up()
    shown = ""
    for args in (["status"], ["status", "--json"], ["config"], ["env", "calc"], ["env", "calc", "--explain"], ["why", "calc"],
                 ["events", "--json"], ["graph"], ["registry", "list", "--json"], ["env", "calc", "--format=json"]):
        result = shop.run(*args)
        shown += result.out + result.err
    assert "canary-0815" not in shown
    assert "canary-0815" in shop.run("exec", "calc", "printenv", "API_TOKEN", code=0).out
    for path in shop.world.home.rglob("*"):
        if path.is_file():
            assert b"canary-0815" not in path.read_bytes(), path


def test_dry_run_masks_what_config_masks(shop):
    shop.write("stack.ini", "[service calc]\ncommand = sleep --dsn postgres://u:canary-0815@h/db --token ${API_TOKEN}\n"
               "slot = 1\nurl = http://u:canary-0815@localhost:${port}\nenv.API_TOKEN = canary-0815-token\n"
               "[service other]\ncommand = sleep canary-0815-token\nsecret = MINE\nenv.MINE = canary-0815-token\n")
    for args in (["--dry-run"], ["--dry-run", "--json"]):
        result = shop.run("up", *args, code=0)
        assert "canary-0815" not in result.out + result.err, result
        assert "postgres://u:***@h/db" in result.out


def test_two_services_with_one_variable_are_told_apart(shop):
    """my-api and my_api are both MY_API_PORT: one of them would be unreachable."""
    text = GOOD + "[service my-api]\ncommand = sleep 60\nslot = 2\n[service my_api]\ncommand = sleep 60\nslot = 3\n"
    err = complaints(shop, text, "stack.ini:6:", "my-api", "my_api", "MY_API_PORT", "line 3", "rename")
    assert len(err.splitlines()) == 2, err
    text = "[service db]\ncommand = sleep 60\nport.admin = 3\n[service db_admin]\ncommand = sleep 60\nslot = 4\n"
    complaints(shop, text, "stack.ini:4:", "DB_ADMIN_PORT", "line 3")
    shop.write("stack.ini", "[service my-job]\ncommand = sleep 60\n[service my_job]\ncommand = sleep 60\n")
    shop.run("check", code=0)
