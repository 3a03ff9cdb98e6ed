"""A home on a network file system: without locks, with a rollback journal, and shared with another machine."""
import os
import pathlib

import pytest
from registry_parts import STACK, ask, opened, running, runs_on

FAR = os.path.join(os.environ.get("STACKUP_PRELOADS", ""), "far.so")


@pytest.fixture
def far(world):
    if not pathlib.Path(FAR).exists():
        pytest.skip("needs STACKUP_PRELOADS")
    world.env.update(LD_PRELOAD=FAR, FAR_DISK="yes")
    world.env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
    return world


class Machine:
    """One that shares the home; its locks are not seen by the others."""

    def __init__(self, world, shop, letter):
        self.shop = shop
        self.file = world.root / f"machine-{letter}"
        self.file.write_text(32 * letter + "\n")

    def run(self, *args, **options):
        return self.shop.run(*args, env={"FAR_HOST": str(self.file)}, **options)


def test_fault_F22_without_locks_nothing_is_started(far):
    shop = far.project("shop")
    shop.stack(STACK)
    refused = shop.run("up", "-d", env={"FAR_LOCKS": "none"}, code=7)
    assert "file locks do not work here" in refused.err and "STACKUP_HOME" in refused.err
    assert "the registry is empty" in shop.run("registry", "list", env={"FAR_LOCKS": "none"}, code=0).err


def test_fault_F22_a_network_disk_has_a_rollback_journal(far):
    shop = far.project("shop")
    pid, port = running(shop)
    assert ask(shop, "PRAGMA journal_mode") == [("delete",)]
    runs_on(shop, pid, port)
    shop.run("registry", "integrity", code=0)
    copy = shop.run("registry", "backup", code=0).out.strip()
    shop.run("registry", "restore", copy, "--yes", code=0)
    runs_on(shop, pid, port)
    assert ask(shop, "PRAGMA journal_mode") == [("delete",)]
    shop.down()


def test_fault_F22_the_mode_follows_the_disk(far):
    shop = far.project("shop")
    running(shop)
    shop.down()
    del far.env["FAR_DISK"]
    shop.up()
    assert ask(shop, "PRAGMA journal_mode") == [("wal",)]
    shop.down()
    far.env["FAR_DISK"] = "yes"
    assert "launches at the same time will be slower" in shop.up().err
    assert ask(shop, "PRAGMA journal_mode") == [("delete",)]


@pytest.fixture
def two(far):
    """An instance that runs on another machine, as this one sees it: a row, and no lock."""
    shop = far.project("shop")
    shop.stack(STACK)
    here, there = Machine(far, shop, "a"), Machine(far, shop, "b")
    there.run("up", "--wait", code=0)
    there.run("registry", "set", "owner=ann", code=0)
    name = os.uname().nodename
    there.run("down", code=0)
    with opened(shop) as db:
        db.execute("UPDATE instances SET status = 'running'")
        db.execute("INSERT INTO leases (netns, protocol, port, project_id, instance, service, port_name, slot, kind, created_at) "
                   "VALUES (7, 'tcp', 30101, 1, 1, 'api', 'main', 1, 'home', '2026-01-02T03:04:05.678Z')")
    return shop, here, there, name


def row(shop):
    return ask(shop, "SELECT status FROM instances WHERE instance = 1")[0][0]


def test_fault_F26_what_runs_on_another_machine_is_left_alone(two):
    shop, here, there, name = two
    said = here.run("registry", "list", code=0)
    assert f"running on {name}" in said.out
    assert here.run("registry", "list", "--json", code=0).json["projects"][0]["instances"][0]["status"] == "running"
    assert f"shop instance 1 runs on {name}, not here" in here.run("status").err
    assert f"shop instance 1 runs on {name}: stop it there" in here.run("down", code=0).err
    refused = here.run("up", "-d", code=1)
    assert f"instance 1 of 'shop' runs on {name}" in refused.err and "stackup instances release 1 -p shop" in refused.err
    assert f"runs on {name}, not here" in here.run("restart", "api", code=4).err
    assert row(shop) == "running"


def test_fault_F26_its_ports_are_no_concern_of_this_machine(two):
    shop, here, there, _ = two
    other = shop.world.project("other")
    other.stack("[service api]\ncommand = ACTOR --listen\nport = 30101\n")
    env = {"FAR_HOST": str(here.file)}
    other.run("up", "--wait", env=env, code=0)
    assert other.run("port", "api", env=env, code=0).out == "30101\n"
    other.run("down", env=env, code=0)
    assert row(shop) == "running"


def test_fault_F26_another_instance_runs_here_beside_it(two):
    shop, here, there, _ = two
    here.run("--instance", "new", "up", "--wait", code=0)
    assert row(shop) == "running"
    here.run("--instance", "3", "down", code=0)


def test_fault_F26_a_machine_that_is_gone_is_released(two):
    shop, here, there, name = two
    here.run("instances", "release", "1", code=0)
    here.run("up", "--wait", code=0)
    assert row(shop) == "running" and name not in here.run("registry", "list", code=0).out
    here.run("down", code=0)


def test_fault_F26_its_own_machine_knows_that_it_has_crashed(two):
    shop, here, there, _ = two
    assert "without being stopped" in there.run("up", "--wait", code=0).err
    there.run("down", code=0)


def test_fault_F26_on_a_local_disk_the_lock_is_the_truth(two):
    """The same disk in another machine, or a container made anew."""
    shop, here, there, _ = two
    del shop.world.env["FAR_DISK"]
    assert "without being stopped" in here.run("up", "--wait", code=0).err
    here.run("down", code=0)
