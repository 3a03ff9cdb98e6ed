"""`stackup init`: a stack file for what lies in a directory."""
import json
import shutil

import pytest
from harness import ACTOR, http_get
from test_import import sections


def made(shop, **options):
    """The sections of the written file, which is a good one, and what was said."""
    said = shop.run("init", "--yes", code=0, **options)
    shop.run("config", code=0)
    text = (shop.dir / "stack.ini").read_text()
    return sections(text), text, said


def test_a_procfile_with_databases_that_its_env_names(shop):
    shop.write("Procfile", "release: bin/rails db:prepare\nweb: bin/rails server\nworker: bundle exec sidekiq\n")
    shop.write(".env.example", "# REDIS_URL=redis://localhost:6379\nDATABASE_URL=postgres://me@localhost:5432/x\nQ=redis://127.0.0.1/0\nR=redis://far.example.com\n")
    stack, text, said = made(shop)
    assert list(stack) == ["stack", "service db", "service redis", "service release", "service web", "service worker"]
    assert stack["service db"] == {"template": "postgres"} and "\n# .env.example, line 2\n[service db]\n" in text
    assert stack["service web"]["command"] == "bin/rails server -p ${port}"
    assert stack["service web"]["depends_on"] == "release, db, redis" and stack["service release"]["depends_on"] == "db, redis"
    assert text.startswith("# Made by `stackup init` from .env.example, Procfile.") and "wrote stack.ini: 5 services" in said.err


def test_containers_of_compose_serve_the_programs_beside_it(shop):
    shop.write("compose.yml", "services:\n  db: {image: postgres}\n  seen: {image: x/seen, ports: ['80']}\n")
    shop.write("package.json", json.dumps({"scripts": {"dev": "vite"}}))
    stack, _, _ = made(shop)
    assert stack["service db"] == {"template": "postgres"} and "docker run" in stack["service seen"]["command"]
    assert stack["service web"]["depends_on"] == "db, seen" and "--strictPort" in stack["service web"]["command"]


def test_a_compose_file_that_runs_the_programs_is_all_there_is(shop):
    shop.write("compose.yml", "services:\n  db: {image: redis}\n  api: {build: ., command: ./api}\n")
    shop.write("Procfile", "web: x\n")
    stack, _, _ = made(shop)
    assert set(stack) == {"stack", "service db", "service api"}


@pytest.mark.parametrize("files, name, service", [
    ({"manage.py": "import django"}, "web", {"template": "django"}),
    ({"pyproject.toml": 'dependencies = ["fastapi"]'}, "api", {"template": "fastapi"}),
    ({"requirements.txt": "Flask==3"}, "web", {"template": "flask"}),
    ({"Gemfile": "gem 'rails'", "package.json": "{}"}, "web", {"template": "rails"}),
    ({"artisan": "", "composer.json": "{}"}, "web", {"template": "laravel"}),
    ({"pom.xml": "<a>spring-boot-starter</a>"}, "api", {"template": "spring"}),
    ({"go.mod": "require github.com/gin-gonic/gin v1", "main.go": "x"}, "api", {"command": "go run ."}),
    ({".air.toml": "", "go.mod": ""}, "api", {"template": "go-air"}),
    ({"Cargo.toml": "axum = 1"}, "api", {"command": "cargo run"}),
    ({"Cargo.toml": "[package]", "src/main.rs": ""}, "app", {"command": "cargo run", "ready": "started"}),
    ({"angular.json": "{}"}, "web", {"command": "npx ng serve --port ${port}"}),
    ({"vite.config.ts": ""}, "web", {"template": "vite"}),
    ({"supabase/config.toml": "", "next.config.js": ""}, "web", {"template": "next", "depends_on": "supabase"}),
    ({"Makefile": "build:\n\tx\ndev: build\n\ty\n"}, "app", {"command": "make dev", "ready": "started"}),
    ({"backend/manage.py": "django"}, "backend", {"template": "django", "dir": "backend"}),
    ({"pnpm-workspace.yaml": "packages: ['apps/*']", "package.json": "{}", "apps/ui/package.json": '{"scripts":{"dev":"next"}}'},
     "ui", {"command": "npm run dev -- -p ${port}", "dir": "apps/ui", "protocol": "http"}),
])
def test_what_files_tell(shop, files, name, service):
    for file, text in files.items():
        shop.write(file, text)
    stack, text, _ = made(shop)
    assert stack[f"service {name}"] == service, text


def test_nothing_is_overwritten_and_nothing_is_made_of_nothing(shop):
    assert "nothing in it that could be started" in shop.run("init", "--yes", code=4).err
    assert not (shop.dir / "stack.ini").exists()
    shop.write("stack.ini", "mine")
    shop.write("Procfile", "web: x\n")
    assert "there is a stack.ini here already" in shop.run("init", "--yes", code=1).err
    assert (shop.dir / "stack.ini").read_text() == "mine"
    (shop.dir / "stack.ini").unlink()
    assert "say --yes" in shop.run("init", code=2).err and not (shop.dir / "stack.ini").exists()


def test_on_a_terminal_each_service_is_asked_for(shop):
    shop.write("Procfile", "release: x\nweb: y\nworker: z\n")
    terminal = shop.terminal("init")
    terminal.wait_for(r"from Procfile: start 'release' \(x\)\? \[Y/n\] ")
    terminal.type("n\n")
    terminal.wait_for(r"start 'web' \(y\)\? \[Y/n\] ")
    terminal.type("\n")
    terminal.wait_for(r"start 'worker' \(z\)\? \[Y/n\] ")
    terminal.type("y\n")
    assert terminal.wait() == 0
    stack = sections((shop.dir / "stack.ini").read_text())
    assert set(stack) == {"stack", "service web", "service worker"} and "depends_on" not in stack["service web"]


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_a_node_project_and_a_procfile_start(shop, world):
    shop.write("package.json", json.dumps({"name": "x", "scripts": {"start": "node server.js"}, "dependencies": {"koa": "2"}}))
    shop.write("server.js", "require('http').createServer((q, a) => a.end('node')).listen(process.env.PORT)\n")
    other = world.project("other")
    other.write("Procfile", f"web: {ACTOR} --listen $PORT_IS_IN_THE_ENVIRONMENT\nworker: {ACTOR}\n")
    for project in (shop, other):
        project.run("init", "--yes", code=0)
        project.run("check", code=0)
        project.up()
    assert http_get(shop.port("api"), host="localhost") == "node" and http_get(other.port("web")).startswith("web ")
