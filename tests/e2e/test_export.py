"""`stackup export`: a stack as other programs want it written, and what they cannot say."""
import os
import re
import shlex
import shutil
import subprocess

import pytest

STACK = """
    [stack]
    name = shop

    [service db]
    command = ACTOR --listen
    ready = command true
    export.DATABASE_URL = postgres://localhost:${port}/shop

    [service migrate]
    type = task
    command = ACTOR --exit 0
    depends_on = db

    [service api]
    dir = server
    command = sh -c 'printf "%s\\n" "$PWD" "$PORT" "$DATABASE_URL" "$ODD" "$@" >../said' _ "two words" 100% a'b \\$x
    depends_on = db, migrate:completed
    health = http /healthz
    restart = always
    env.ODD = a "b" 'c' 50% $$x \\\\ y
    env.API_TOKEN = tell-nobody

    [service web]
    command = ACTOR --listen --port ${port} --other ${api.port} ${stack.dir}/x ${state_dir}/y
    depends_on = api:healthy
    env.API = ${api.url}
"""


@pytest.fixture
def stack(shop):
    shop.stack(STACK)
    (shop.dir / "server").mkdir()
    return shop


def exported(shop, *words, code=0):
    """({file: text}, notes)."""
    said = shop.run("export", *words, "--json", code=code).json
    return {file["name"]: file["text"] for file in said["files"]}, said["notes"]


def said_by_api(stack):
    lines = (stack.dir / "said").read_text().splitlines()
    (stack.dir / "said").unlink()
    return lines


# As the command gets them, whoever starts it.
def expected(stack):
    db, api = (stack.run("port", name, code=0).out.strip() for name in ("db", "api"))
    return [str(stack.dir / "server"), api, f"postgres://localhost:{db}/shop", "a \"b\" 'c' 50% $x \\\\ y", "two words",
            "100%", "ab", "$x"]


def test_a_stack_gives_its_command_what_the_exports_must_give_it(stack):
    text = (stack.dir / "stack.ini").read_text().replace("a'b", "ab").split("[service web]")[0]
    stack.write("stack.ini", text.replace("migrate:completed\nhealth = http /healthz\nrestart = always", "migrate\ntype = task"))
    stack.up("api")
    assert said_by_api(stack) == expected(stack)
    stack.down()


@pytest.fixture
def plain(stack):
    stack.write("stack.ini", (stack.dir / "stack.ini").read_text().replace("a'b", "ab"))
    return stack


# ---- Procfile -----------------------------------------------------------------------------------

def test_a_line_of_the_procfile_runs_the_command_as_the_stack_does(plain):
    files, notes = exported(plain, "procfile")
    lines = dict(line.split(": ", 1) for line in files["Procfile"].splitlines())
    assert list(lines) == ["db", "api", "web"]
    for before in ("", "exec "):
        subprocess.run(["sh", "-c", before + lines["api"]], cwd=plain.dir, check=True)
        assert said_by_api(plain) == expected(plain)
    assert any("migrate" in note and "left out" in note for note in notes)
    assert any("'api'" in note and "API_TOKEN" in note for note in notes)
    assert any("'api': its health is not checked" in note for note in notes)
    assert "tell-nobody" not in files["Procfile"]


def test_an_exported_procfile_is_imported_with_the_same_commands(plain):
    files, _ = exported(plain, "procfile")
    plain.write("there/Procfile", files["Procfile"])
    said = plain.run("import", "procfile", "there/Procfile").out.replace("$$", "$")
    imported = dict(re.findall(r"^\[service (\w+)\]\n(?:[a-bd-z].*\n)*command = (.*)$", said, re.M))
    lines = dict(line.split(": ", 1) for line in files["Procfile"].splitlines())
    assert list(imported) == list(lines)
    for name, command in imported.items():
        port = plain.run("port", name, code=0).out.strip()
        words = [word for word in shlex.split(command.replace("${port}", port)) if not word.startswith("PORT=")]
        assert words == [word for word in shlex.split(lines[name]) if not word.startswith("PORT=")]


def test_a_command_of_several_lines_is_refused_by_name(shop):
    shop.stack("[service a]\ncommand = if true\n then sleep 1; fi\n")
    result = shop.run("export", "procfile", code=78)
    assert "service 'a'" in result.err and "several lines" in result.err and not result.out


# ---- compose ------------------------------------------------------------------------------------

def compose(shop):
    yaml = pytest.importorskip("yaml")
    files, notes = exported(shop, "compose")
    return yaml.safe_load(files["compose.yaml"]), notes


def test_compose_has_services_by_name_with_ports_that_a_variable_decides(plain):
    port = {name: plain.run("port", name, code=0).out.strip() for name in ("db", "api", "web")}
    project, notes = compose(plain)
    services = project["services"]
    api, web = services["api"], services["web"]
    assert project["name"] == "shop" and list(services) == ["db", "migrate", "api", "web"]
    assert api["ports"] == [f"${{API_PORT:-{port['api']}}}:{port['api']}"]
    assert api["working_dir"] == "/app/server" and api["restart"] == "always"
    assert api["depends_on"] == {"db": {"condition": "service_healthy"},
                                 "migrate": {"condition": "service_completed_successfully"}}
    assert api["environment"]["DATABASE_URL"] == f"postgres://db:{port['db']}/shop"
    assert api["environment"]["ODD"] == "a \"b\" 'c' 50% $$x \\\\ y" and "API_TOKEN" not in api["environment"]
    assert api["healthcheck"]["test"][1].endswith(f"http://localhost:{port['api']}/healthz")
    assert web["environment"]["API"] == f"http://api:{port['api']}" and web["environment"]["API_HOST"] == "api"
    assert web["environment"]["WEB_HOST"] == "localhost" and web["environment"]["PORT"] == port["web"]
    assert web["command"][-2:] == ["/app/x", "/state/y"] and services["migrate"]["restart"] == "no"
    assert any("API_TOKEN" in note for note in notes) and any("image" in note and "guess" in note for note in notes)


def test_compose_builds_where_there_is_a_dockerfile(plain):
    plain.write("server/Dockerfile", "FROM scratch\n")
    project, _ = compose(plain)
    assert project["services"]["api"]["build"] == "./server" and "image" not in project["services"]["api"]
    assert "image" in project["services"]["web"]


def test_compose_refuses_a_socket_that_nobody_can_hand_over(shop):
    shop.stack("[service api]\ncommand = ACTOR\nhold = listen\n")
    result = shop.run("export", "compose", code=78)
    assert "service 'api'" in result.err and "hold = listen" in result.err


def test_an_exported_compose_file_is_imported_with_the_same_plan(plain):
    plain.run("export", "compose", "-o", "there/compose.yaml", code=1)  # no such directory
    (plain.dir / "there").mkdir()
    plain.run("export", "compose", "-o", "there/compose.yaml", code=0)
    plain.run("import", "compose", "compose.yaml", "-o", "stack.ini", cwd=plain.dir / "there")

    def plan(*args):
        services = plain.run(*args, "graph", "--json", code=0).json["services"]
        return {s["name"]: [(need["service"], need["condition"].replace("ready", "healthy")) for need in s["depends_on"]]
                for s in services}
    assert plan("-C", "there") == plan()


# ---- systemd ------------------------------------------------------------------------------------

def words_of(line):
    """systemd.syntax(7) and systemd.service(5): quotes, escapes, doubled '%' and '$'."""
    found, rest = [], line
    while rest:
        quoted = re.match(r'"((?:[^"\\]|\\.)*)"\s*|(\S+)\s*', rest)
        word = quoted[1] if quoted[1] is not None else quoted[2]
        if quoted[1] is not None:
            word = re.sub(r"\\(x..|.)", lambda c: chr(int(c[1][1:], 16)) if c[1][0] == "x" and len(c[1]) == 3
                          else {"n": "\n"}.get(c[1], c[1]), word)
        found.append(word.replace("%%", "%").replace("$$", "$"))
        rest = rest[quoted.end():]
    return found


def keys_of(unit):
    return [tuple(line.split("=", 1)) for line in unit.splitlines() if "=" in line]


def test_a_unit_runs_the_command_as_the_stack_does(plain):
    files, notes = exported(plain, "systemd")
    assert list(files) == ["shop-1.target", *(f"shop-1-{name}.service" for name in ("db", "migrate", "api", "web"))]
    unit = keys_of(files["shop-1-api.service"])
    start, = (words_of(value) for key, value in unit if key == "ExecStart")
    given = dict(words_of(value.replace("$", "$$"))[0].split("=", 1) for key, value in unit if key == "Environment")
    subprocess.run(start, cwd=dict(unit)["WorkingDirectory"], env=given, check=True)
    assert said_by_api(plain) == expected(plain)
    assert ("Requires", "shop-1-db.service") in unit and ("After", "shop-1-migrate.service") in unit
    assert ("Restart", "always") in unit and "API_TOKEN" not in given
    assert dict(keys_of(files["shop-1-migrate.service"]))["Type"] == "oneshot"
    assert any("health is not checked" in note for note in notes)


def test_variables_of_the_stack_win_over_those_of_env_files(plain):
    plain.write(".env", "PORT=3000\nODD=of the file\nMORE=1\nDB_PASSWORD=hunter22\n")
    text = (plain.dir / "stack.ini").read_text()
    plain.write("stack.ini", text + "env.DSN_OF_X = x\nenv.LINK = http://u:${DB_PASSWORD}@localhost\n")
    files, notes = exported(plain, "systemd")
    assert "hunter22" not in "".join(files.values())
    assert any("'web'" in note and "LINK" in note for note in notes)
    unit = keys_of(files["shop-1-api.service"])
    start, = (words_of(value) for key, value in unit if key == "ExecStart")
    assert ("EnvironmentFile", str(plain.dir / ".env")) in unit
    subprocess.run(start, cwd=plain.dir / "server", check=True, env={
        **os.environ, "PORT": "3000", "ODD": "of the file", "DATABASE_URL": expected(plain)[2]})
    assert said_by_api(plain) == expected(plain)
    migrate, = (words_of(value) for key, value in keys_of(files["shop-1-migrate.service"]) if key == "ExecStart")
    assert migrate[1:3] == ["-u", "PORT"]


@pytest.mark.parametrize("whose", ["--user", "--system"])
def test_systemd_accepts_the_units(plain, tmp_path, whose):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    text = (plain.dir / "stack.ini").read_text()
    plain.write("stack.ini", text + "\n[service sock]\ncommand = /bin/cat\nhold = listen\nslot = auto\n"
                "port.admin = auto\nready = notify\ntty = yes\nlog.file = log/sock.log\nfiles_max = 99\n"
                "stop.command = /bin/true\nstop.to = leader\nstop.signal = INT\non_dependency = restart\n"
                "depends_on = db:ready?\n")
    args = ["--system"] if whose == "--system" else []
    wrote = plain.run("export", "systemd", *args, "-o", tmp_path / "units", code=0)
    assert "wrote" in wrote.err and "'tty = yes' is not kept" in wrote.err and not wrote.out
    units = sorted((tmp_path / "units").iterdir())
    assert "shop-1-sock-admin.socket" in [unit.name for unit in units]
    ran = subprocess.run(["systemd-analyze", "verify", whose, "--man=no", *units], capture_output=True, text=True,
                         env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)})
    assert ran.returncode == 0 and not ran.stderr, ran.stderr


# ---- any value ----

ODD = ["two  words", "tab\there", "it's", 'say "so"', "back\\slash\\", "50% %n %%", "$HOME $$ ${X}", "`id` $(id)", "# no comment",
       "; & | < > ( ) * ? [ ] { } ~ !", "ünï ☃ 𝄞", "a=b=c", "-n", "{}", "- x: y", "yes", "0x10", "\x01\x7f", "x\u200by", "@ + :"]


def test_any_value_comes_through_each_format_unchanged(shop):
    yaml = pytest.importorskip("yaml")
    values = {f"ODD_{i}": value for i, value in enumerate(ODD)}
    lines = "".join(f"env.{name} = {value.replace('$', '$$')}\n" for name, value in values.items())
    shop.write("stack.ini", f"[service a]\ncommand = /usr/bin/env -0\n{lines}")
    assert yaml.safe_load(exported(shop, "compose")[0]["compose.yaml"])["services"]["a"]["environment"] == \
        {name: value.replace("$", "$$") for name, value in values.items()}

    def kept(*command, **options):
        out = subprocess.run(command, capture_output=True, check=True, **options).stdout.decode().split("\0")
        return {name: value for name, value in (entry.split("=", 1) for entry in out if entry.startswith("ODD_"))}
    line = exported(shop, "procfile")[0]["Procfile"].split(": ", 1)[1]
    assert kept("sh", "-c", line) == values
    unit = keys_of(next(text for name, text in exported(shop, "systemd")[0].items() if name.endswith("a.service")))
    given = dict(words_of(value.replace("$", "$$"))[0].split("=", 1) for key, value in unit if key == "Environment")
    assert {name: value for name, value in given.items() if name.startswith("ODD_")} == values


def test_lines_of_a_value_are_kept_where_that_is_possible(shop):
    shop.write("stack.ini", "[service a]\ncommand = true\nenv.TEXT = one\n  two\n")
    unit = keys_of(exported(shop, "systemd")[0]["shop-1-a.service"])
    assert ("Environment", '"TEXT=one\\ntwo"') in unit
    assert "several lines" in shop.run("export", "procfile", code=78).err


# ---- files --------------------------------------------------------------------------------------

def test_a_file_is_replaced_only_when_it_is_asked_for(plain):
    plain.run("export", "procfile", "-o", "Procfile", code=0)
    plain.run("export", "procfile", "-o", "Procfile", code=0)  # nothing to change
    plain.write("Procfile", "mine: x\n")
    refused = plain.run("export", "procfile", "-o", "Procfile")
    assert refused.code and (plain.dir / "Procfile").read_text() == "mine: x\n"
    plain.run("export", "procfile", "-o", "Procfile", "--yes", code=0)
    assert "db: " in (plain.dir / "Procfile").read_text()


def test_a_command_with_a_secret_in_it_is_refused(shop):
    shop.write(".env", "API_TOKEN=tell-nobody\n")
    shop.stack("[service api]\ncommand = ACTOR --listen ${API_TOKEN:-x}\nsecret = API_TOKEN\n")
    shop.write("stack.ini", (shop.dir / "stack.ini").read_text().replace("command", "env.COPY = ${API_TOKEN}\ncommand"))
    for format in ("procfile", "compose", "systemd"):
        said = shop.run("export", format)
        assert "tell-nobody" not in said.out + said.err


def test_other_profiles_are_told_or_kept(shop):
    pytest.importorskip("yaml")
    shop.stack("[service a]\ncommand = ACTOR\n[service b]\ncommand = ACTOR\nprofile = debug\n")
    for format in ("procfile", "systemd"):
        files, notes = exported(shop, format)
        assert any("'b': left out" in note for note in notes) and not any("b.service" in name for name in files)
        files, notes = exported(shop, format, "--profile", "debug")
        assert not any("left out" in note for note in notes)
    project, _ = compose(shop)
    assert project["services"]["b"]["profiles"] == ["debug"]
