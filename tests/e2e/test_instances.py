"""`instances` and `registry show`: which numbers are claimed, the next one, giving back, what for."""
import pytest

STACK = "[service api]\ncommand = ACTOR --listen\n"


@pytest.fixture
def running(shop):
    shop.stack(STACK)
    shop.up()
    return shop


def listed(shop):
    return {row["instance"]: row for row in shop.run("instances", "--json", code=0).json["instances"]}


def test_the_list_has_what_is_known_of_each(running):
    running.stack(STACK + "[environment local]\n")
    running.detach("-i", "4", "--purpose", "the payment rewrite", "--env", "local")
    running.down("-i", "4")
    report = running.run("instances", "--json", code=0).json
    assert report["version"] == 1 and report["project"] == "shop"
    one, four = report["instances"]
    assert (one["instance"], one["status"], one["base_port"], one["spans"]) == (1, "running", 30100, 1)
    assert one["purpose"] == "development" and one["worktree"] == str(running.dir) and one["last_used_at"] >= one["created_at"]
    assert (four["instance"], four["status"], four["base_port"]) == (4, "stopped", 30130)
    assert (four["purpose"], four["environment"]) == ("the payment rewrite", "local")
    table = running.run("instances", code=0).out
    assert "30130-30139" in table and "the payment rewrite" in table and str(running.dir) in table
    assert running.run("-p", "shop", "instances", "list", cwd=running.world.root, code=0).out == table


def test_those_of_the_machine_are_told_with_their_projects(world, shop):
    listed_here = shop.run("instances", "--machine", code=0)
    assert listed_here.out == "" and "no instance" in listed_here.err
    other = world.project("other")
    for project in (shop, other):
        project.stack(STACK)
        project.up()
    said = world.run("instances", "--machine", "--json", code=0).json
    assert [(row["project"], row["instance"], row["base_port"]) for row in said["instances"]] == [("other", 1, 30200), ("shop", 1, 30100)]
    own, = shop.run("instances", "--json", code=0).json["instances"]
    assert said["version"] == 1 and said["instances"][1] == {"project": "shop", **own}
    table = shop.run("instances", "--machine", code=0).out.splitlines()
    assert [line.split()[0] for line in table] == ["PROJECT", "other", "shop"]
    assert table[2].removeprefix("shop").split() == shop.run("instances", code=0).out.splitlines()[1].split()


def test_next_is_what_new_gets(running):
    assert running.run("instances", "next", code=0).out == "3\n"
    said = running.run("instances", "next", "--json", code=0).json
    assert said == {"version": 1, "project": "shop", "instance": 3, "base_port": 30120, "spans": 1}
    running.detach("-i", "new")
    assert set(listed(running)) == {1, 3}
    assert running.run("instances", "next", code=0).out == "4\n"


def test_next_of_a_project_that_is_not_registered_yet(shop):
    shop.stack("[stack]\ninstances = 2\n" + STACK)
    said = shop.run("instances", "next", "--json", code=0).json
    assert (said["instance"], said["base_port"], said["spans"]) == (1, 30100, 2)
    refused = shop.run("instances", code=4)
    assert "not registered" in refused.err and "stackup up" in refused.err
    assert not (shop.world.home / "registry.db").exists()


def test_release_gives_the_number_back_and_keeps_the_data_aside(running):
    running.up("-i", "3")
    refused = running.run("instances", "release", "3", code=1)
    assert "runs" in refused.err and "stackup down -p shop -i 3" in refused.err
    running.down("-i", "3")
    (running.state_dir(3) / "precious").write_text("x")
    said = running.run("instances", "release", "3", code=0)
    kept, = running.state_dir(3).parent.glob("3.before-*")
    assert str(kept) in said.err and (kept / "precious").exists() and not running.state_dir(3).exists()
    assert set(listed(running)) == {1} and not list((running.world.home / "locks").glob("p*-3.*"))
    assert running.run("instances", "release", "3", code=4).err.startswith("stackup: there is no instance 3 of 'shop'")
    assert running.run("instances", "next", code=0).out == "3\n"
    running.up("-i", "3")
    assert not (running.state_dir(3) / "precious").exists()


def test_describe_says_what_it_is_for_also_while_it_runs(running):
    running.run("instances", "describe", "1", "--purpose", "the big demo", code=0)
    assert listed(running)[1]["purpose"] == "the big demo" and running.instance()["purpose"] == "the big demo"
    running.down()
    assert running.instance()["purpose"] == "the big demo"
    running.up()
    assert running.instance()["purpose"] == "the big demo"
    running.run("instances", "describe", "1", "--purpose", "", code=0)
    assert listed(running)[1]["purpose"] == "development"
    assert "--purpose" in running.run("instances", "describe", "1", code=2).err


@pytest.mark.parametrize("args, text", [
    (["release", "0"], "use 1 to 100"), (["release", "three"], "use 1 to 100"), (["describe"], "wants NUMBER"),
    (["releas", "3"], "did you mean `stackup instances release`"), (["next", "3"], "takes no argument")])
def test_wrong_words_say_what_is_right(running, args, text):
    refused = running.run("instances", *args, code=2)
    assert text in refused.err, refused


def test_show_tells_everything_of_a_project(running):
    running.detach("-i", "11")
    project = running.run("registry", "show", "--json", code=0).json["project"]
    assert (project["name"], project["block"], project["blocks"], project["status"]) == ("shop", 1, [1, 2], "active")
    assert project["path"] == str(running.dir) and [i["base_port"] for i in project["instances"]] == [30100, 30200]
    shown = running.run("registry", "show", "shop", cwd=running.world.root, code=0).out
    assert "1 (ports 30100-30199), 2 (ports 30200-30299)" in shown and str(running.dir) in shown
    assert "did you mean 'shop'" in running.run("registry", "show", "shopp", code=4).err


def test_who_asks_for_one_that_does_not_run_is_told_which_ones_do(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\n")
    shop.up()
    shop.run("-i", "3", "up", "--wait", code=0)
    shop.run("-i", "1", "down", code=0)
    assert "instance 3 runs; `stackup status --all`" in shop.run("status", code=3).err
    assert "instance 3 runs" in shop.run("wait", code=4).err
    assert "runs" not in shop.run("-i", "1", "status", code=3).err
    shop.run("-i", "4", "up", "--wait", code=0)
    assert "instances 3, 4 run;" in shop.run("status", code=3).err
