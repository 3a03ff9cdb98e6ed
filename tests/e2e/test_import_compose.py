"""`stackup import compose`: expectations are those of the compose specification and of docker's own pages."""
import pytest
from docker_stand_in import Docker
from harness import http_get
from test_import import imported


@pytest.fixture
def docker(world):
    made = Docker(world.root)
    world.env["PATH"] = f"{made.bin}:{world.env['PATH']}"
    yield made
    made.close()


def compose(shop, text, name="compose.yml"):
    lines = text.strip("\n").split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip())
    shop.write(name, "\n".join(line[indent:] for line in lines) + "\n")


def one(shop, body, **options):
    """The only service of a file with this body, which has an image."""
    lines = "".join(f"    {line.strip()}\n" for line in body.strip().split("\n"))
    shop.write("compose.yml", f"services:\n  it:\n    image: x/y:1\n{lines}")
    stack, said = imported(shop, "compose", **options)
    return stack["service it"], said


def run_line(service):
    return service["command"].replace(" \\\n", " ")


# ---- programs -----------------------------------------------------------------------------------

def test_a_build_is_the_program_itself_with_its_command_or_the_dockerfiles(shop):
    shop.write("api/Dockerfile", "FROM node:20 AS base\nWORKDIR /app\nRUN npm ci\nCMD [\"node\", \"server.js\"]\n"
               "FROM base AS other\nCMD other\n")
    compose(shop, """
        services:
          api:
            build: {context: ./api, target: base}
            ports: ["8000:8000"]
          worker:
            build: ./api
            command: node worker.js "a b" $$HOME ${QUEUE:-jobs}
          web:
            build: .
            command: [sh, -c, "npm ci && npx vite"]
            ports: ["3000:5173"]
        """)
    stack, said = imported(shop, "compose")
    assert stack["service api"]["command"] == "node server.js" and stack["service api"]["dir"] == "api"
    assert stack["service worker"]["command"] == """node worker.js 'a b' '$$HOME' "${QUEUE:-jobs}\""""
    assert stack["service web"]["command"] == "npm ci && npx vite --port ${port} --strictPort"
    assert "dir" not in stack["service web"] and "what the Dockerfile installs" in said.out


def test_ports_and_names_become_references(shop):
    compose(shop, """
        services:
          db: {image: postgres}
          cache: {image: "redis:7", expose: ["6379"]}
          api:
            build: .
            command: uvicorn app:app --host 0.0.0.0 --port 8000
            ports: ["${API:-8080}:8000", "9229:9229"]
            environment:
              PORT: "8000"
              DATABASE_URL: postgres://u:p@db/shop
              OTHER_URL: "${OTHER:-postgres://u:p@db:5432/shop}"
              CACHE_HOST: cache
              CACHE_PORT: 6379
              SELF: http://localhost:8000/x
              DEBUG: 0.0.0.0:9229
              NOT: db:1234 mydb:5432 db.example.com
              VERSION: "8000"
          web:
            build: .
            command: serve
            environment: ["API_URL=http://localhost:8080/v1"]
        """)
    stack, _ = imported(shop, "compose")
    api, web = stack["service api"], stack["service web"]
    assert api["command"] == "uvicorn app:app --host 0.0.0.0 --port ${port}" and api["port.p9229"] == "auto"
    assert "env.PORT" not in api and api["env.VERSION"] == "8000" and "slot" not in api
    assert api["env.DATABASE_URL"] == "postgres://u:p@${db.host}:${db.port}/shop"
    assert api["env.OTHER_URL"] == "${OTHER:-postgres://u:p@${db.host}:${db.port}/shop}"
    assert (api["env.CACHE_HOST"], api["env.CACHE_PORT"]) == ("${cache.host}", "${cache.port}")
    assert (api["env.SELF"], api["env.DEBUG"]) == ("http://localhost:${port}/x", "0.0.0.0:${port.p9229}")
    assert api["env.NOT"] == "db:1234 mydb:5432 db.example.com"
    assert web["env.API_URL"] == "http://localhost:${api.port}/v1"


def test_conditions_tasks_and_order(shop):
    compose(shop, """
        services:
          db: {image: x/db, healthcheck: {test: [CMD, check, "it"], interval: 1m30s, timeout: 500ms, retries: 7}}
          migrate: {build: ., command: ./migrate, depends_on: {db: {condition: service_healthy}}}
          mail: {image: x/mail}
          api:
            build: .
            command: ./api
            depends_on:
              migrate: {condition: service_completed_successfully}
              mail: {condition: service_started, required: false, restart: true}
          web: {build: ., command: ./web, depends_on: [api], links: ["mail:post"]}
        """)
    stack, said = imported(shop, "compose")
    assert stack["service migrate"]["type"] == "task" and stack["service migrate"]["depends_on"] == "db:healthy"
    assert stack["service api"]["depends_on"] == "migrate, mail:started?"
    assert stack["service api"]["on_dependency"] == "restart"
    assert stack["service web"]["depends_on"] == "api, mail" and "'post'" in said.err
    db = stack["service db"]
    assert db["health"] == "command docker exec ${slug}-${instance}-db check it"
    assert (db["health.interval"], db["health.timeout"], db["health.retries"]) == ("90s", "500ms", "7")


@pytest.mark.parametrize("test, health", [
    ("curl -f http://localhost:8000/healthz || exit 1", "http /healthz"),
    ('["CMD", "wget", "-q", "--spider", "http://127.0.0.1:8000"]', "http /"),
    ('["CMD-SHELL", "./check $$PORT"]', "command ./check $$PORT"),
    ('["CMD", "./check", "a b"]', "command ./check 'a b'"),
    ('["NONE"]', "none"),
])
def test_a_healthcheck_of_a_program(shop, test, health):
    shop.write("compose.yml", f"services:\n  it:\n    build: .\n    command: ./x\n    ports: ['8000']\n"
               f"    healthcheck:\n      test: {test}\n")
    stack, _ = imported(shop, "compose")
    assert stack["service it"]["health"] == health


def test_its_directory_is_what_the_container_sees_as_its_own(shop):
    compose(shop, """
        services:
          a: {build: ./x, command: run, working_dir: /app/sub, volumes: ["./code:/app"]}
          b: {build: ./x, command: run, working_dir: /elsewhere, volumes: ["data:/data"]}
        """)
    stack, said = imported(shop, "compose")
    assert stack["service a"]["dir"] == "code/sub" and stack["service b"]["dir"] == "x"
    assert "/elsewhere is a directory of the container" in said.err and "data:/data: let the program" in said.err


# ---- layers -------------------------------------------------------------------------------------

def test_several_files_are_layers(shop):
    compose(shop, """
        services:
          it:
            image: x/y:1
            command: [a, b]
            environment: {A: "1", B: "2"}
            ports: ["80"]
            cap_add: [X]
        """)
    compose(shop, """
        services:
          it:
            command: c
            environment: [B=3, C]
            ports: ["81"]
            cap_add: !override [Y]
            healthcheck: {test: [CMD, x]}
          other: {image: z}
        """, "compose.override.yml")
    stack, said = imported(shop, "compose")
    it = stack["service it"]
    assert run_line(it).endswith("-e A -e B -e C --cap-add Y x/y:1 c") and "${port}:80 -p 127.0.0.1:${port.p81}:81" in run_line(it)
    assert (it["env.A"], it["env.B"]) == ("1", "3") and "service other" in stack
    assert said.out.startswith("# What compose.yml and compose.override.yml say.\n")
    only, _ = imported(shop, "compose", "compose.yml")
    assert "service other" not in only


def test_extends_of_this_file_and_another_and_anchors_with_merges(shop):
    compose(shop, """
        services:
          base: {build: ., command: ./base, environment: {A: "1", B: "1"}, env_file: base.env}
        """, "common/base.yml")
    compose(shop, """
        x-env: &env {X: "1", Y: "1"}
        services:
          a: {extends: {file: common/base.yml, service: base}, environment: {B: "2"}}
          b: {extends: a, command: ./b, environment: {<<: *env, Y: "2"}}
        """)
    shop.write("common/base.env", "E=1\n")
    stack, _ = imported(shop, "compose")
    a, b = stack["service a"], stack["service b"]
    assert (a["command"], a["env.A"], a["env.B"], a["dir"]) == ("./base", "1", "2", "common")
    assert a["env_file"] == "common/base.env"
    assert (b["command"], b["env.B"], b["env.X"], b["env.Y"]) == ("./b", "2", "1", "2")


def test_variables_come_from_the_environment_then_from_env(shop):
    shop.write(".env", "TAG=7\nNAME=from-file\nlower=small\n")
    compose(shop, """
        name: ${NAME}
        services:
          it: {image: "x:${TAG}", ports: ["${P:-8080}:80"], environment: {A: "$NAME-${X:-d}", B: "${lower}$$", C: "${D:?no D}"}}
        """)
    text = shop.run("import", "compose", code=3, env={"NAME": "caller"})
    assert "name = caller\n" in text.out and "\tx:7\n" in text.out
    assert "env.A = ${NAME:-}-${X:-d}\n" in text.out and "env.B = small$$\n" in text.out
    assert "env.C = ${D:?no D}\n" in text.out and "no D" in text.err


def test_env_files_in_both_dialects(shop):
    shop.write("raw.env", "A='x' # y\n#c\nB=$HOME\n")
    shop.write("e.env", "E=1\n")
    it, _ = one(shop, "env_file: [e.env, {path: no.env, required: false}, {path: raw.env, format: raw}]")
    assert it["env_file"] == "e.env, ?no.env" and it["env.A"] == "'x' # y" and it["env.B"] == "$$HOME"


# ---- containers ---------------------------------------------------------------------------------

def test_an_image_is_run_by_docker_with_what_compose_says(shop):
    it, said = one(shop, """
        entrypoint: [run, "--a b"]
        command: serve --x 'y z'
        ports: ["127.0.0.1:5000:80", {target: 53, published: "5353", protocol: udp, name: dns}]
        volumes: ["data:/data", "./here:/here:ro", "/abs:/abs", {type: tmpfs, target: /t}, /anonymous]
        user: "1000:1000"
        privileged: true
        read_only: false
        labels: {a: b}
        extra_hosts: ["h:1.2.3.4"]
        working_dir: /w
        stop_signal: SIGQUIT
        stop_grace_period: 1m
        networks: [x]
        nonsense: 1
        profiles: [Debug]
        restart: on-failure:3""")
    assert it["command"].startswith("docker rm -f ${slug}-${instance}-it >/dev/null 2>&1; \\\nexec docker run --rm --init --name ${slug}-${instance}-it \\\n")
    for option in ("-p 127.0.0.1:${port}:80", "-p 127.0.0.1:${port.dns}:53/udp", "-v ${state_dir}/data:/data",
                   "-v ${stack.dir}/here:/here:ro", "-v /abs:/abs", "--tmpfs /t", "-v ${state_dir}/it/anonymous:/anonymous",
                   "--user 1000:1000", "--privileged", "--label a=b", "--add-host h:1.2.3.4", "-w /w",
                   "--stop-signal SIGQUIT", "--entrypoint run x/y:1 '--a b' serve --x 'y z'"):
        assert f" {option}" in run_line(it), option
    assert "--read-only" not in it["command"] and it["stop.command"] == "docker stop ${slug}-${instance}-it"
    assert (it["profile"], it["restart.limit"], it["stop.timeout"], it["port.dns"]) == ("debug", "3 in 1h", "1m", "auto")
    assert "'it': networks is not taken over" in said.err and "'it': nonsense is not taken over: it is not known" in said.err


def test_a_build_without_a_command_is_built_by_docker(shop):
    compose(shop, "services:\n  it: {build: {context: c, dockerfile: D, args: {A: x y}}, ports: ['80']}")
    stack, _ = imported(shop, "compose")
    assert stack["service it-image"]["command"] == "docker build -t ${stack.name}-it -f c/D --build-arg 'A=x y' c"
    assert stack["service it"]["depends_on"] == "it-image" and "${stack.name}-it" in stack["service it"]["command"]


def test_a_container_reaches_others_through_the_host(shop):
    compose(shop, """
        services:
          db: {image: postgres}
          it: {image: x/y, environment: {DB_HOST: db, DB_PORT: 5432, URL: "postgres://db:5432/x", MY_PORT: 80}, ports: ["80"]}
        """)
    stack, _ = imported(shop, "compose")
    it = stack["service it"]
    assert (it["env.DB_HOST"], it["env.DB_PORT"]) == ("host.docker.internal", "${db.port}")
    assert it["env.URL"] == "postgres://host.docker.internal:${db.port}/x" and it["env.MY_PORT"] == "80"
    assert "--add-host host.docker.internal:host-gateway" in it["command"]
    assert " -p ${port}:5432 " in run_line(stack["service db"]) and " -p 127.0.0.1:${port}:80 " in run_line(it)


def test_containers_of_two_instances_run_side_by_side_and_stop_with_them(shop, docker):
    one_service = "services:\n  web: {image: 'x/web', ports: ['80'], environment: {A: b}}\n"
    shop.write("compose.yml", one_service)
    shop.run("import", "compose", "-o", "stack.ini", code=0)
    for number in ("1", "3"):
        shop.run("up", "--wait", "--instance", number, code=0)
    assert sorted(docker.containers) == ["shop-1-web", "shop-3-web"]
    assert docker.containers["shop-3-web"].env["A"] == "b"
    assert http_like(shop.port("web", "--instance", "3")) == "shop-3-web\n"
    shop.down("--instance", "3")
    assert list(docker.containers) == ["shop-1-web"] and ["stop", "shop-3-web"] in docker.said
    shop.run("kill", "web", code=0)
    assert list(docker.containers) == ["shop-1-web"], "a killed client leaves its container"
    shop.run("start", "web", code=0)
    assert docker.said[-3:-1] != [] and http_like(shop.port("web")) == "shop-1-web\n"
    shop.down()
    assert not docker.containers


def http_like(port):
    import socket
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        return s.makefile().readline()


def test_images_that_have_a_template_become_it_when_that_is_wanted(shop):
    compose(shop, """
        services:
          db: {image: "postgis/postgis:16", ports: ["5432:5432"], volumes: ["x:/var/lib/postgresql/data"], user: me, environment: {POSTGRES_DB: y}}
          queue: {image: x/mine, ports: ["80"]}
          api: {build: ., command: ./api, depends_on: {db: {condition: service_healthy}}, environment: {U: "postgres://db:5432/y"}}
        """)
    stack, said = imported(shop, "compose", "--templates")
    assert stack["service db"] == {"template": "postgres"} and "docker run" in stack["service queue"]["command"]
    assert stack["service api"]["env.U"] == "postgres://${db.host}:${db.port}/y"
    for key in ("volumes", "user", "environment"):
        assert f"'db': {key} is not taken over" in said.err
    assert "# There it is the image postgis/postgis:16.\n" in said.out


# ---- as people write them -----------------------------------------------------------------------

def test_windows_line_ends_comments_and_a_bom(shop):
    shop.write("docker-compose.yml", b"\xef\xbb\xbf# top\r\nversion: '3'\r\nservices:\r\n  web: # here\r\n    image: nginx\r\n    ports:\r\n      - 8080:80 # http\r\n")
    stack, said = imported(shop, "compose")
    assert "-p 127.0.0.1:${port}:80" in stack["service web"]["command"] and not said.err


@pytest.mark.parametrize("text, said", [
    ("services:\n\tweb: {}\n", "compose.yml:2: it is no YAML"),
    ("services:\n  a: {image: x}\n  a: {image: y}\n", "compose.yml:3: 'a' is there a second time"),
    ("services:\n  a: {image: x, ports: ['80:x']}\n", "compose.yml:2: ports: 'x' is not a port of the container"),
    ("services:\n  a: {image: x, depends_on: [b]}\n", "compose.yml:2: 'a' depends on 'b', which is not there"),
    ("services:\n  a: {extends: b}\n  b: {extends: a}\n", "it extends itself"),
    ("services:\n  a: {ports: ['80']}\n", "'a' has neither an image nor a build"),
    ("version: '3'\n", "there are no services in it"),
    ("services:\n  a: {image: '${X:?set X}'}\n", "compose.yml:2: required variable X"),
    ("services:\n  a: {image: x, environment: {A: '${B'}}\n", "the brace of '${B' is not closed"),
    ("services: &s\n  a: *s\n", "an anchor contains itself"),
    ("", "there are no services in it"),
])
def test_what_is_wrong_is_said_with_its_place(shop, text, said):
    shop.write("compose.yml", text)
    result = shop.run("import", "compose", "-o", "stack.ini", code=78)
    assert said in result.err and not (shop.dir / "stack.ini").exists(), result.err
