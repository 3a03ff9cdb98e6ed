"""`stackup import`: what other formats say, as a stack file that can be started."""
import json
import shutil

import pytest
from harness import http_get


def sections(text):
    """{"service web": {key: value}}, without comments."""
    found, keys = {}, None
    for line in text.splitlines():
        if line.startswith("["):
            keys = found.setdefault(line.strip("[]"), {})
        elif line.startswith("\t"):
            last = list(keys)[-1]
            keys[last] += "\n" + line.strip()
        elif " = " in line and not line.startswith("#"):
            key, value = line.split(" = ", 1)
            keys[key] = value
    return found


def imported(shop, *args, code=0, **options):
    """The sections of what is imported; it is a good stack file, whatever programs are installed."""
    said = shop.run("import", *args, code=code, **options)
    shop.write("stack.ini", said.out)
    shop.run("config", code=0)
    (shop.dir / "stack.ini").unlink()
    return sections(said.out), said


# ---- Procfile -----------------------------------------------------------------------------------

def test_a_procfile_becomes_services_with_ports_and_an_order(shop):
    shop.write("Procfile", "release: ./migrate\nweb: bundle exec puma -C x.rb\r\nworker: sleep 9\nassets: npx vite\n")
    stack, said = imported(shop, "procfile")
    assert stack["service release"] == {"type": "task", "command": "./migrate"}
    assert stack["service web"]["command"] == "bundle exec puma -C x.rb -p ${port}"
    assert stack["service worker"] == {"command": "sleep 9", "depends_on": "release"}
    assert stack["service assets"]["command"] == "npx vite --port ${port} --strictPort"
    assert stack["service assets"]["slot"] == "auto" and "slot" not in stack["service web"]
    assert not said.err


def test_what_a_procfile_says_to_its_shell_stays_so(shop):
    shop.write("Procfile", 'web: p=$PORT; echo "${p} $$ $HOME ${X:-y}" >said; exec ACTOR --listen\n'.replace(
        "ACTOR", __import__("harness").ACTOR))
    said = shop.run("import", "procfile", "-o", "stack.ini", code=0)
    assert "wrote stack.ini: 1 service;" in said.err
    shop.up()
    port, pid, home, x = (shop.dir / "said").read_text().split()
    assert int(port) == shop.port("web") and int(pid) > 1 and home == shop.world.env["HOME"] and x == "y"


def test_lines_that_are_passed_over_are_told_and_stand_in_the_file(shop):
    shop.write("Procfile", "web: x\nthis is prose\n")
    _, said = imported(shop, "procfile")
    assert "Procfile:2: warning: line skipped" in said.err and "#   line 2: line skipped" in said.out


def test_a_bad_procfile_writes_nothing(shop):
    shop.write("Procfile", "web: x\nweb: y\n")
    said = shop.run("import", "procfile", "-o", "stack.ini", code=78)
    assert "Procfile:2" in said.err and not (shop.dir / "stack.ini").exists()


def test_a_file_is_replaced_only_after_asking(shop):
    shop.write("Procfile", "web: x\n")
    shop.write("stack.ini", "mine")
    said = shop.run("import", "procfile", "-o", "stack.ini", code=2)
    assert "replace stack.ini" in said.err and (shop.dir / "stack.ini").read_text() == "mine"
    shop.run("import", "procfile", "-o", "stack.ini", "--yes", code=0)
    assert "[service web]" in (shop.dir / "stack.ini").read_text()


def test_what_is_not_there_is_said(shop):
    assert "cannot read Procfile" in shop.run("import", "procfile", code=4).err
    assert "package.json" in shop.run("import", "package", code=4).err
    assert "did you mean `stackup import procfile`" in shop.run("import", "procfil", code=2).err


# ---- package.json -------------------------------------------------------------------------------

def package(shop, where=".", **content):
    shop.write(f"{where}/package.json", json.dumps(content, indent=1))


@pytest.mark.parametrize("script, lock, command", [
    ("vite", "", "npm run dev -- --port ${port} --strictPort"),
    ("vite --host", "pnpm-lock.yaml", "pnpm run dev --port ${port} --strictPort"),
    ("next dev", "yarn.lock", "yarn run dev -p ${port}"),
    ("astro dev", "bun.lockb", "bun run dev --port ${port}"),
    ("next dev -p 3000", "", "npx next dev -p ${port}"),
    ("vite --port=4000 --open", "", "npx vite --port=${port} --open"),
    ("PORT=4000 react-scripts start", "", "npx react-scripts start"),
    ("tsc -b && vite", "", "npm run dev -- --port ${port} --strictPort"),
    ("node server.js", "", "npm run dev"),
    ("webpack serve --port 8080", "", "npx webpack serve --port ${port}"),
    ("cross-env NODE_ENV=development http-server -p8080", "", "npx cross-env NODE_ENV=development http-server -p${port}"),
])
def test_a_script_gets_the_flag_that_its_server_needs(shop, script, lock, command):
    package(shop, name="x", scripts={"dev": script, "start": "no"}, dependencies={"express": "4"})
    if lock:
        shop.write(lock, "")
    stack, _ = imported(shop, "package")
    (name, service), = ((n, s) for n, s in stack.items() if n.startswith("service"))
    assert service["command"] == command and service["protocol"] == "http"
    assert name in ("service web", "service api")


def test_a_script_with_a_port_that_cannot_be_changed_is_told(shop):
    package(shop, name="x", scripts={"dev": "rm -rf .next && next dev -p 3000"})
    stack, said = imported(shop, "package")
    assert stack["service web"]["command"] == "npm run dev"
    assert "package.json:4: warning: 'web': dev is not taken over: the script names a port of its own" in said.err
    assert "# Not taken over:\n#   dev (line 4)" in said.out


def test_a_workspace_has_a_service_for_each_package(shop):
    package(shop, name="root", workspaces=["apps/*", "packages/**"], scripts={"dev": "turbo dev"}, engines={"node": ">=18.1 <23"})
    package(shop, "apps/web", name="@x/web", scripts={"dev": "vite"})
    package(shop, "packages/api", name="@x/api", scripts={"dev": "tsx watch x.ts"}, dependencies={"fastify": "4"})
    package(shop, "packages/lib", name="@x/lib", scripts={"build": "tsc"})
    stack, said = imported(shop, "package")
    assert set(stack) == {"stack", "service web", "service api"}
    assert stack["stack"]["require.commands"] == "node>=18.1, npm"
    assert stack["service api"]["dir"] == "packages/api" and stack["service web"]["dir"] == "apps/web"
    assert "turbo dev" in said.out and "turbo dev" in said.err


@pytest.mark.parametrize("dev", ['concurrently "npm:dev:*"', 'run-p dev:ui dev:server', 'concurrently "npm run dev:ui" "npm run dev:server"'])
def test_scripts_that_run_together_are_services(shop, dev):
    package(shop, scripts={"dev": dev, "dev:ui": "vite", "dev:server": "node x.js"}, dependencies={"koa": "2"})
    stack, _ = imported(shop, "package")
    assert stack["service ui"]["command"] == "npm run dev:ui -- --port ${port} --strictPort"
    assert stack["service server"]["command"] == "npm run dev:server"


def test_json_that_is_none_is_refused_with_its_line(shop):
    shop.write("package.json", '{"scripts": {\n "dev": }\n')
    assert "package.json:2:" in shop.run("import", "package", code=78).err


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_an_imported_package_runs(shop):
    package(shop, name="x", scripts={"dev": "node server.js"}, dependencies={"express": "4"})
    shop.write("server.js", "require('http').createServer((q, a) => a.end('hello')).listen(process.env.PORT)\n")
    shop.run("import", "package", "-o", "stack.ini", code=0)
    shop.up()
    assert http_get(shop.port("api"), host="localhost") == "hello"
