"""`template = NAME`: ready-made services, the real programs where Debian has them, asked by their own clients."""
import glob
import re
import shutil
import subprocess

import pytest
from harness import SOURCE, http_get, until

FILES = sorted((SOURCE / "stackfiles").glob("*.ini"))


def config(shop, text, code=0):
    """What the file is, filled in: {"service": text of its section}."""
    shop.stack(text)
    said = shop.run("config", code=code)
    return dict(re.findall(r"^\[service (\S+)\]\n(.*?)(?=^\[|\Z)", said.out, re.M | re.S)) if not code else said.err


# ---- each of them -------------------------------------------------------------------------------

def test_every_template_is_a_stack_file_that_says_what_it_is(shop):
    assert len(FILES) >= 31
    listed = shop.run("help", "template", code=0).out
    services = "".join(f"[service x-{file.stem}]\ntemplate = {file.stem}\nenv.PGPORT = 1\n\n" for file in FILES)
    shown = config(shop, f"[stack]\ninstances = 10\n\n{services}")
    for file in FILES:
        text = file.read_text()
        assert text.startswith("# ") and f"\n  {file.stem} " in listed, file
        names = [f"x-{name}" for name in re.findall(r"^\[service (\S+)\]", text, re.M)]
        assert f"x-{file.stem}" in names and set(names) <= set(shown), file
        assert "${" not in re.sub(r"\$\$?\{[A-Z]", "", shown[f"x-{file.stem}"]), file
    assert shop.run("help", "template", "redis", code=0).out == (SOURCE / "stackfiles/redis.ini").read_text()
    assert "lists them" in shop.run("help", "template", "nothing", code=2).err


def test_a_template_runs_as_it_is(shop):
    shop.write("public/x", "y")
    shop.run("up", "--wait", "-f", str(SOURCE / "stackfiles/python-http.ini"), "-p", "alone", code=0)
    shop.run("down", "-p", "alone", code=0)


@pytest.mark.skipif(not (shutil.which("psql") and glob.glob("/usr/lib/postgresql/*/bin/initdb") and
                         shutil.which("redis-server")), reason="PostgreSQL or Redis is not installed")
@pytest.mark.parametrize("who", ["root or whoever runs the tests", "nobody"])
def test_postgres_and_redis(request, who):
    world = request.getfixturevalue("unprivileged" if who == "nobody" else "world")
    shop = world.project("my-shop")
    shop.stack("""
        [service db]
        template = postgres

        [service cache]
        template = redis

        [service fill]
        type = task
        command = psql -qc 'create table if not exists t(a text)' && psql "$DATABASE_URL" -qc "insert into t values ('$STACKUP_INSTANCE')" && redis-cli -u "$REDIS_URL" incr n
        depends_on = db, cache
        """)
    shop.up(timeout=120)
    asked = ("psql \"$DATABASE_URL\" -Atc 'select a from t'; redis-cli -u $REDIS_URL get n; echo $PGUSER@$PGHOST:$PGPORT/$PGDATABASE")
    assert shop.run("exec", "fill", "sh", "-c", asked, code=0).out == "1\n1\npostgres@localhost:30102/my-shop\n"
    shop.run("stop", "db", "cache", code=0, timeout=60)
    assert "database system is shut down" in shop.log("db") and "Redis is now ready to exit" in shop.log("cache")
    shop.run("start", code=0, timeout=60)
    assert shop.run("exec", "fill", "sh", "-c", asked, code=0).out.startswith("1\n1\n2\n"), "the data stayed"
    assert (shop.state_dir() / "cache").is_dir() and not (shop.state_dir() / "db.new").exists()


@pytest.mark.parametrize("name, program", [("nginx", "nginx"), ("python-http", "python3"), ("node", "npm"), ("caddy", "caddy"),
                                           ("prometheus", "prometheus"), ("nats", "nats-server"), ("valkey", "valkey-server")])
def test_servers_that_are_installed_answer(shop, name, program):
    if not shutil.which(program, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"):
        pytest.skip(f"{program} is not installed")
    shop.write("public/index.html", "hello")
    shop.write("package.json", '{"scripts": {"start": "node server.js"}}')
    shop.write("server.js", "require('http').createServer((q, a) => a.end('hello')).listen(process.env.PORT)\n")
    where = "dir = public\n" if name == "python-http" else ""
    shop.stack(f"[service it]\ntemplate = {name}\n{where}")
    shop.up()
    if name in ("nginx", "python-http", "node", "caddy"):
        assert http_get(shop.port("it"), host="localhost" if name == "node" else "127.0.0.1") == "hello"
    shop.down()
    assert shop.run("status").out


def test_nginx_finishes_what_it_answers_and_serves_what_it_is_told(shop):
    if not shutil.which("nginx", path="/usr/bin:/usr/sbin"):
        pytest.skip("nginx is not installed")
    shop.write("site/index.html", "the site")
    shop.stack("[service web]\ntemplate = nginx\nenv.NGINX_ROOT = site\n")
    shop.up()
    assert http_get(shop.port("web")) == "the site"
    assert subprocess.run(["curl", "-sI", f"http://127.0.0.1:{shop.port('web')}/"], capture_output=True, text=True
                          ).stdout.count("text/html") == 1
    until(lambda: "GET / HTTP" in shop.log("web"))


# ---- what wins ----------------------------------------------------------------------------------

def test_the_service_wins_over_its_template_and_that_over_the_defaults(shop):
    shown = config(shop, """
        [defaults]
        stop.timeout = 7s
        restart.limit = 2 in 1m

        [service db]
        template = postgres
        stop.signal = TERM
        export.DATABASE_URL = mine
        env.A = b
        profile = data
        depends_on = other

        [service other]
        command = sleep 9

        [service db-init]
        timeout = 5m

        [service db-init @test]
        timeout = 6m
        """)
    db, init = shown["db"], shown["db-init"]
    assert "stop.timeout = 30s" in db and "stop.signal = TERM" in db and "restart.limit = 2 in 1m" in db
    assert "export.DATABASE_URL = mine" in db and "export.PGUSER = postgres" in db
    assert "db-init:completed" in db and "other" in re.search("depends_on = (.*)", db)[1]
    assert "env.A = b" in init and "profile = data" in init and "timeout = 5m" in init and "command = " in init


def test_names_in_a_template_become_those_of_the_service(shop):
    shown = config(shop, "[service orders]\ntemplate = postgres\n\n[service people]\ntemplate = postgres\n")
    assert set(shown) == {"orders", "orders-init", "people", "people-init"}
    assert "/orders.new" in shown["orders-init"] and "/people.new" in shown["people-init"]
    assert "-U postgres" in shown["orders-init"] and "depends_on = people-init:completed" in shown["people"]
    assert "30100" in shown["orders"] and "30101" in shown["people"]


def test_a_service_called_like_a_slot_has_it_and_a_port_of_its_own_wins(shop):
    shown = config(shop, "[service db]\ntemplate = postgres\n\n[service cache]\ntemplate = redis\nport = 6379\n")
    assert "30102" in shown["db"] and "--port '6379'" in shown["cache"]


@pytest.mark.parametrize("text, said", [
    ("[service db]\ntemplate = postgre\n", "stack.ini:2: there is no template 'postgre'; did you mean 'postgres'?"),
    ("[service db]\ntemplate = xyzzy\n", "`stackup help template` lists them"),
    ("[defaults]\ntemplate = redis\n\n[service a]\ncommand = b\n", "stack.ini:2: [defaults] has a template; write it into [service NAME]"),
    ("[service a]\ncommand = b\n\n[service a @test]\ntemplate = redis\n", "[service a @test] has a template"),
    (f"[service {'a' * 30}]\ntemplate = postgres\n", "whose name is too long; give the service a shorter name"),
    ("[service db]\ntemplate = postgres\nports = 1\n", "stack.ini:3: unknown key 'ports'"),
])
def test_mistakes_are_said_with_their_line(shop, text, said):
    assert said in config(shop, text, code=78)


def test_a_template_counts_for_a_reload(shop):
    shop.stack("[service files]\ntemplate = python-http\n")
    shop.up()
    before = shop.pid("files")
    shop.run("up", "-d", code=0)
    assert shop.pid("files") == before
    shop.stack("[service files]\ntemplate = python-http\nenv.A = b\n")
    shop.up()
    assert shop.pid("files") != before and shop.run("exec", "files", "sh", "-c", "echo $A", code=0).out == "b\n"
