"""Sections 2.4 and 3 of the contract: environment, env files, environments, interpolation."""
import json
import re
import subprocess

import pytest
from harness import until

API = "[service api]\ncommand = ACTOR --dump-env --listen\nprotocol = http\n"


def env_of(shop, name="api", **options):
    return shop.run("env", name, "--format=json", code=0, **options).json


def real_env(shop, name="api"):
    return dict(line[4:].split("=", 1) for line in shop.log(name).splitlines() if line.startswith("env ") and "=" in line)


def test_row_L4_injected_variables(shop):
    shop.stack(API + """
[service my-db]
command = ACTOR --listen
slot = db
port.admin = 3
url = postgres://${host}:${port}/x
[service worker]
command = ACTOR --dump-env
""")
    shop.up()
    env = real_env(shop)
    assert env["PORT"] == "30101" and "HOST" not in env
    assert env["API_PORT"] == "30101" and env["API_HOST"] == "localhost" and env["API_URL"] == "http://localhost:30101"
    assert env["MY_DB_PORT"] == "30102" and env["MY_DB_ADMIN_PORT"] == "30103"
    assert env["MY_DB_URL"] == "postgres://localhost:30102/x"
    assert env["STACKUP"] == "1" and env["STACKUP_PROJECT"] == "shop" and env["STACKUP_INSTANCE"] == "1"
    assert env["STACKUP_SERVICE"] == "api" and env["STACKUP_BASE_PORT"] == "30100"
    assert env["STACKUP_STATE_DIR"] and env["STACKUP_SLUG"] and env["STACKUP_ID"] == shop.instance()["id"]
    assert "PS" not in env and "WORKER_PORT" not in env
    assert "PORT" not in real_env(shop, "worker")


def test_a_users_own_url_stays_where_stackup_has_none(shop):
    shop.stack(API + "[service redis]\ncommand = ACTOR --listen\nprotocol = tcp\n")
    assert env_of(shop, env={"REDIS_URL": "redis://elsewhere"})["REDIS_URL"] == "redis://elsewhere"
    assert env_of(shop)["REDIS_PORT"] == "30107"


def test_precedence_of_everything(shop):
    """Highest first: instance, service@env, service, environment, defaults, exports, injected, caller, files."""
    names = ["INSTANCE", "AT", "SERVICE", "ENVIRONMENT", "DEFAULTS", "EXPORT", "CALLER", "OWN_FILE", "STACK_FILE", "DOTENV"]

    def section(name, prefix):
        """Sets the variable that this layer is to win, and those of all layers above it, which it loses."""
        return "".join(f"{prefix}{n} = {name}\n" for n in names[:names.index(name) + 1])
    shop.write(".env", "".join(f"{n}=DOTENV\n" for n in ("OWN_FILE", "STACK_FILE", "DOTENV")))
    shop.write("stack.env", "OWN_FILE=STACK_FILE\nSTACK_FILE=STACK_FILE\n")
    shop.write("own.env", "OWN_FILE=OWN_FILE\n")
    shop.write("stack.ini", "[stack]\nenv_file = stack.env\n"
               "[instance 2]\nenvironment = test\n" + section("INSTANCE", "env.") +
               "[service api @test]\n" + section("AT", "env.") +
               "[environment test]\n" + section("ENVIRONMENT", "env.") +
               "[defaults]\n" + section("DEFAULTS", "env.") +
               "[service api]\ncommand = sleep 60\ndepends_on = db\nenv_file = own.env\n" + section("SERVICE", "env.") +
               "[service db]\ncommand = sleep 60\n" + section("EXPORT", "export."))
    caller = {n: "CALLER" for n in names[:7]}
    env = shop.run("--instance", "2", "env", "api", "--format=json", env=caller, code=0).json
    assert {n: env[n] for n in names[:7]} == {n: n for n in names[:7]}
    env = shop.run("--instance", "2", "env", "api", "--format=json", code=0).json
    assert [env[n] for n in names[7:]] == ["OWN_FILE", "STACK_FILE", "DOTENV"]


def test_injected_beats_the_caller_and_env_beats_injected(shop):
    shop.stack(API + "env.STACKUP_SLUG = mine\n")
    env = env_of(shop, env={"API_PORT": "1", "PORT": "2", "STACKUP_SLUG": "x"})
    assert env["API_PORT"] == "30101" and env["PORT"] == "30101" and env["STACKUP_SLUG"] == "mine"


def test_exports_reach_those_who_depend(shop):
    shop.stack(API + "depends_on = db\n[service db]\ncommand = ACTOR --listen\n"
               "export.DATABASE_URL = postgres://localhost:${port}/x\n[service other]\ncommand = ACTOR\n")
    assert env_of(shop)["DATABASE_URL"] == "postgres://localhost:30102/x"
    assert "DATABASE_URL" not in env_of(shop, "other")


@pytest.mark.parametrize("args,instance,expected", [([], 1, "development"), (["--env", "staging"], 2, "staging"), ([], 2, "test"),
                                                    (["--env", "production"], 1, "production")])
def test_row_L6_which_environment(shop, args, instance, expected):
    shop.write("stack.ini", "[instance 2]\nenvironment = test\n[environment test]\nenv.A = test\n[environment staging]\n"
               "env.A = staging\n[environment production]\nenv.A = production\n[environment development]\nenv.A = development\n"
               "[service api]\ncommand = sleep 60\nenv.B = ${environment}\n")
    env = shop.run("--instance", str(instance), *args, "env", "api", "--format=json", code=0).json
    assert env["A"] == expected and env["B"] == expected


def test_unknown_environment_is_an_error_with_a_suggestion(shop):
    shop.write("stack.ini", "[environment staging]\nenv.A = x\n[service api]\ncommand = sleep 1\n")
    result = shop.run("--env", "stagin", "up", "-d")
    assert result.code != 0 and "staging" in result.err


def test_overlay_of_an_environment_changes_keys(shop):
    shop.stack("[service api]\ncommand = ACTOR --say plain\nready = log .\n[service api @test]\ncommand = ACTOR --say test\n"
               "[environment test]\n")
    shop.run("--env", "test", "up", "--wait", code=0)
    assert shop.log("api") == "test\n"


def test_dotenv_is_read_and_env_file_option_replaces_it(shop):
    shop.write(".env", "A=from-dotenv\nB=also\n")
    shop.write("other.env", "A=from-other\n")
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\n")
    assert env_of(shop)["A"] == "from-dotenv"
    env = shop.run("--env-file", "other.env", "env", "api", "--format=json", code=0).json
    assert env["A"] == "from-other" and "B" not in env


@pytest.mark.parametrize("text,value", [("A=b #c", "b"), ("A=b#c", "b#c"), ("A='b #c'", "b #c"), ('A="b\\nc"', "b\nc"), ("export A=b", "b"),
                                        ("A = b ", "b"), ('A="x${B}y"\n', "x1y"), ("A='${B}'", "${B}"), ("A=${NO:-d}", "d"),
                                        ('A="two\nlines"', "two\nlines"), ("A==1", "=1"), ("A=a b", "a b"), ("A=", ""),
                                        ("A=b\t#c", "b"), ("A=$$B", "$B")])
def test_fault_I15_dotenv_dialect(shop, text, value):
    shop.write(".env", "B=1\n" + text + "\n")
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\n")
    assert env_of(shop)["A"] == value


@pytest.mark.parametrize("text", ["A=\"open", "A='open", 'A="b"x', "=x", "A B=x", "1A-=x\0"])
def test_fault_I15_dotenv_errors_have_file_and_line(shop, text):
    shop.write(".env", "B=1\n" + text + "\n")
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\n")
    result = shop.run("up", "-d", code=78)
    assert ".env:2:" in result.err


@pytest.mark.parametrize("text", ["A=b#c", "A=pa$word", "B=2", "A=`b`", "K: V"])
def test_dotenv_warnings(shop, text):
    shop.write(".env", "B=1\n" + text + "\n")
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\n")
    result = shop.run("check")
    assert result.code == 0 and ".env:2:" in result.err + result.out


def test_interpolation_of_everything(shop):
    shop.write("stack.ini", """[stack]
name = shop
[service api]
command = sleep 60
protocol = http
port.admin = 9
env.OWN = ${port} ${port.admin} ${host} ${url}
env.OTHER = ${web.port} ${web.host} ${web.url}
env.FACTS = ${instance} ${base_port} ${stack.name} ${environment}
env.DIRS = ${stack.dir}|${state_dir}|${log_dir}
env.DEFAULTS = ${NO:-a} ${NO-b} ${EMPTY:-c} ${EMPTY-d}x ${YES:+e} ${NO:+f}x ${NO:-${YES:-g}}
env.MONEY = $$5 a$$b
[service web]
command = sleep 60
protocol = http
""")
    env = shop.run("--instance", "3", "env", "api", "--format=json", env={"EMPTY": "", "YES": "1"}, code=0).json
    assert env["OWN"] == "30121 30129 localhost http://localhost:30121"
    assert env["OTHER"] == "30120 localhost http://localhost:30120"
    assert env["FACTS"] == "3 30120 shop development"
    assert env["DIRS"].startswith(f"{shop.dir}|{shop.world.home}/shop/3") and env["DIRS"].endswith("/logs")
    assert env["DEFAULTS"] == "a b c x e x 1" and env["MONEY"] == "$5 a$b"


def test_upper_case_variables_in_a_command_are_left_to_the_shell(shop):
    shop.stack("[service api]\ntype = task\ncommand = echo \"$GREETING\" \"${GREETING}\" ${stack.name}\nenv.GREETING = hello you\n")
    shop.up()
    assert shop.log("api").splitlines()[-1] == "hello you hello you shop"


@pytest.mark.parametrize("form,check", [
    ("sh", lambda t: "export " in t or "A=" in t), ("dotenv", lambda t: "A=" in t), ("json", lambda t: json.loads(t)["A"]),
    ("compose", lambda t: "A" in t)])
def test_env_formats(shop, form, check):
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\nenv.A = it's \"x\" $$y\n")
    assert check(shop.run("env", "api", f"--format={form}", code=0).out)


def test_env_sh_survives_a_shell(shop):
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\nenv.A = it's \"x\" $$y `z` \\ *\n")
    text = shop.run("env", "api", "--format=sh", code=0).out
    result = subprocess.run(["sh", "-c", text + '\nprintf %s "$A"'], capture_output=True, text=True, env={})
    assert result.stdout == "it's \"x\" $y `z` \\ *"


def test_programs_that_believe_their_pwd_are_told_where_they_are(shop):
    """make's $(PWD), node's process.env.PWD: no shell has set it right."""
    shop.stack("""
        [service here]
        command = /usr/bin/printenv PWD
        dir = packages/api
        restart = no
        [service told]
        command = /usr/bin/printenv PWD
        env.PWD = /elsewhere
        restart = no
    """)
    shop.write("packages/api/package.json", "{}")
    shop.run("up", env={"PWD": "/where/the/caller/is"})
    api = shop.dir / "packages/api"
    assert shop.log("here").split() == [str(api)]
    assert shop.log("told").split() == ["/elsewhere"]
    assert shop.run("exec", "here", "/usr/bin/printenv", "PWD", code=0).out.split() == [str(api)]
    assert shop.run("run", "/usr/bin/printenv", "PWD", code=0, env={"PWD": "/caller"}).out.split() == ["/caller"]
    assert shop.world.run("-C", shop.dir, "run", "/usr/bin/printenv", "PWD", code=0, env={"PWD": "/caller"}).out.split() == [str(shop.dir)]
    assert "PWD" not in shop.run("env", "here", code=0, env={"PWD": "/caller", "OLDPWD": "/"}).out


def test_env_explain_names_the_source(shop):
    shop.write(".env", "FROM_FILE=1\n")
    shop.write("stack.ini", "[service api]\ncommand = sleep 60\nenv.OWN = x\n")
    out = shop.run("env", "api", "--explain", code=0).out
    line = dict(re.findall(r"^(\w+)=.*\n\s+(.*)$", out, re.M))
    assert "stack.ini:3" in line["OWN"] and ".env:1" in line["FROM_FILE"] and "injected" in line["API_PORT"]
    assert "stack.ini:3" in shop.run("env", "api", "--explain", "OWN", code=0).out


SECRETS = API + "secret = MINE\nenv.MINE = hunter2-mine\nenv.DATABASE_URL = postgres://u:hunter2-url@h/x\nenv.PLAIN = seen\n"


@pytest.mark.parametrize("runs", [False, True])
def test_env_never_gives_a_mask_for_a_value(shop, runs):
    """A shell takes what `env` prints for the truth: *** would be used as the password."""
    shop.stack(SECRETS)
    if runs:
        shop.up()
    out = shop.run("env", "api", code=0)
    assert "hunter2" not in out.out and "***" not in out.out
    assert "# left out, it is secret: MINE" in out.out and "2 secret values are left out; --show-secrets" in out.err
    script = out.out + "echo ${MINE-unset} ${DATABASE_URL-unset} $PLAIN"
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env={}).stdout == "unset unset seen\n"
    data = shop.run("env", "api", "--json", code=0).json
    assert data["MINE"] is None and data["DATABASE_URL"] is None and data["PLAIN"] == "seen"
    assert "***" in shop.run("env", "api", "--explain=MINE", code=0).out


@pytest.mark.parametrize("runs", [False, True])
def test_env_shows_secrets_when_told_to(shop, runs):
    shop.stack(SECRETS)
    if runs:
        shop.up()
    out = shop.run("env", "api", "--show-secrets", code=0)
    script = out.out + "echo $MINE $DATABASE_URL"
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env={}).stdout
    assert shown == "hunter2-mine postgres://u:hunter2-url@h/x\n" and not out.err
    assert "hunter2-mine" in shop.run("env", "api", "--explain=MINE", "--show-secrets", code=0).out


def test_what_a_check_prints_of_a_secret_is_not_told(shop):
    """Its last line is the reason, which status, events and the registry have."""
    shop.write(".env", "MINE=hunter2-mine\n")
    shop.stack("""
        [service calc]
        command = ACTOR
        secret = MINE
        health = command sh -c 'echo "wrong password $MINE for calc"; exit 1'
        health.interval = 50ms
        ready.timeout = 2s
        restart = no
    """)
    shop.run("up", "--wait", code=6)
    assert "wrong password *** for calc" in shop.service("calc")["reason"]
    until(lambda: shop.run("events", "--all", code=0).out.count("failed"))
    told = [shop.run(*args, code=0) for args in (["why", "calc"], ["events", "--json"], ["events", "--all", "--json"])]
    assert not any("hunter2" in each.out for each in told), told
    shop.down()
    assert not [file for file in shop.world.home.rglob("*") if file.is_file() and b"hunter2" in file.read_bytes()]
