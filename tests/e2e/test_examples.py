"""Every example runs as it is: two instances side by side, each answering with its own data."""
import glob
import json
import shutil
import urllib.request

import pytest
from harness import SOURCE, http_get, until


def example(world, name):
    project = world.project(name)
    shutil.copytree(SOURCE / "examples" / name, project.dir, dirs_exist_ok=True)
    return project


def post(port, path, text):
    request = urllib.request.Request(f"http://localhost:{port}{path}", data=text.encode(), method="POST")
    return json.loads(urllib.request.urlopen(request, timeout=10).read())


def port(project, service, number):
    return int(project.run("--instance", str(number), "port", service, code=0).out)


def test_fullstack(world):
    project = example(world, "fullstack")
    for number in (3, 4):
        project.run("up", "--instance", str(number), "--wait", "--wait-timeout", "60", code=0, timeout=90)
    for number in (3, 4):
        front = port(project, "frontend", number)
        assert f"Orders of instance {number}" in http_get(front, host="localhost")
        answer = json.loads(http_get(front, "/api/orders", host="localhost"))
        assert answer["instance"] == number and len(answer["orders"]) == 1
    post(port(project, "frontend", 4), "/api/orders", json.dumps({"item": "tea"}))

    def handled():
        orders = json.loads(http_get(port(project, "frontend", 4), "/api/orders", host="localhost"))["orders"]
        return len(orders) == 2 and all(o["state"] == "done" for o in orders)
    until(handled, what="the worker handled the order")
    assert len(json.loads(http_get(port(project, "frontend", 3), "/api/orders", host="localhost"))["orders"]) == 1
    project.run("down", "--all", code=0)


def have(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    return not missing and glob.glob("/usr/lib/postgresql/*/bin/postgres")


@pytest.mark.skipif(not have("redis-server", "node"), reason="PostgreSQL, Redis or Node is not installed")
@pytest.mark.parametrize("who", ["root or whoever runs the tests", "nobody"])
def test_postgres_redis_node(request, who):
    world = request.getfixturevalue("unprivileged" if who == "nobody" else "world")
    project = example(world, "postgres-redis-node")
    for number in (1, 2):
        project.run("up", "--instance", str(number), "--wait", "--wait-timeout", "100", code=0, timeout=120)
    for number in (1, 2):
        answer = json.loads(http_get(port(project, "api", number), host="localhost"))
        assert answer["instance"] == number and answer["visits"] == 1
        assert [n["body"] for n in answer["notes"]] == ["a first note, from schema.sql"]
    post(port(project, "api", 2), "/", "it's a note")
    assert len(json.loads(http_get(port(project, "api", 2), host="localhost"))["notes"]) == 2
    assert len(json.loads(http_get(port(project, "api", 1), host="localhost"))["notes"]) == 1
    project.run("--instance", "2", "down", code=0, timeout=60)
    project.run("up", "--instance", "2", "--wait", "--wait-timeout", "100", code=0, timeout=120)
    assert len(json.loads(http_get(port(project, "api", 2), host="localhost"))["notes"]) == 2, "the data stayed"
    project.run("down", "--all", code=0, timeout=60)


def test_procfile(world):
    project = example(world, "procfile")
    for number in (1, 2):
        project.run("up", "--instance", str(number), "--wait", "--wait-timeout", "60", code=0, timeout=90)
    for number in (1, 2):
        web = port(project, "web", number)
        expected = f"the worker says hello from .env: released for instance {number}\n"
        until(lambda: http_get(web, host="localhost") == expected)
    project.run("down", "--all", code=0)
