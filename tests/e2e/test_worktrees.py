"""Which instance a git worktree has, and that it keeps it: real repositories, real worktrees."""
import concurrent.futures
import shutil

import pytest

from harness import alive, git

STACK = "[service api]\ncommand = ACTOR --listen\n"


@pytest.fixture
def repository(world):
    shop = world.project("shop")
    shop.stack(STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        git(shop.dir, *args)
    return shop


def worktree(shop, name, branch):
    git(shop.dir, "worktree", "add", "-q", "-b", branch, f"../{name}")
    return shop.world.project(name)


def claimed(shop):
    """What the registry says: a dictionary of instances by number."""
    project, = shop.run("registry", "list", "--json", code=0).json["projects"]
    return {row["instance"]: row for row in project["instances"]}


def test_the_lowest_free_from_3_on_for_a_worktree_that_keeps_it(repository):
    trees = [worktree(repository, f"wt{i}", f"feature/{i}") for i in range(3)]
    for number, tree in enumerate(trees, 3):
        tree.up()
        assert tree.instance()["instance"] == number
    trees[0].down()
    trees[1].down()
    trees[1].up()
    assert trees[1].instance()["instance"] == 4 and trees[0].run("port", "api", code=0).out == "30121\n"
    assert {n: r["branch"] for n, r in claimed(repository).items()} == {3: "feature/0", 4: "feature/1", 5: "feature/2"}


def test_number_2_is_for_tests_and_never_given_without_asking(repository):
    repository.detach()
    repository.detach("-i", "new")
    assert set(claimed(repository)) == {1, 3}
    repository.detach("-i", "2")
    assert claimed(repository)[2]["purpose"] == "test"


def test_another_branch_or_name_of_it_keeps_the_claim(repository):
    tree = worktree(repository, "wt", "feature/auth")
    tree.up()
    git(tree.dir, "branch", "-m", "feature/login")
    tree.up()
    assert claimed(repository)[3]["branch"] == "feature/login"
    tree.down()
    git(tree.dir, "switch", "-q", "-c", "fix")
    tree.up()
    assert {n: r["branch"] for n, r in claimed(repository).items()} == {3: "fix"}


@pytest.mark.parametrize("running", [False, True])
def test_a_worktree_that_moved_keeps_its_claim(repository, running):
    tree = worktree(repository, "wt", "feature/auth")
    tree.up()
    if not running:
        tree.down()
    git(repository.dir, "worktree", "move", "../wt", "../elsewhere")
    moved = repository.world.project("elsewhere")
    assert moved.instance()["instance"] == 3 and (running or moved.instance()["dir"] == str(moved.dir))
    said = moved.up()
    assert "is kept as" not in said.err
    assert moved.instance()["instance"] == 3 and set(claimed(repository)) == {3}
    # Another one in its old place is another one.
    other = worktree(repository, "wt", "feature/other")
    other.up()
    assert other.instance()["instance"] == 4
    moved.down()
    assert not alive(moved.instance()["pid"])


def test_instances_shows_branch_commit_and_place_as_they_are_now(repository):
    tree = worktree(repository, "wt", "feature/auth")
    tree.up()
    head = git(tree.dir, "rev-parse", "HEAD")

    def row():
        found, = repository.run("instances", "--json", code=0).json["instances"]
        return found["branch"], found["commit"], found["worktree"]
    assert row() == ("feature/auth", head, str(tree.dir))
    git(tree.dir, "branch", "-m", "feature/login")
    git(repository.dir, "pack-refs", "--all")
    git(repository.dir, "worktree", "move", "../wt", "../there")
    there = repository.world.root / "projects/there"
    assert row() == ("feature/login", head, str(there))
    repository.run("down", "-p", "shop", "-i", "3", code=0)
    git(there, "commit", "-q", "--allow-empty", "-m", "more")
    git(repository.dir, "pack-refs", "--all")
    repository.world.project("there").up()
    assert row()[1] == git(there, "rev-parse", "HEAD") != head
    repository.run("down", "-p", "shop", "-i", "3", code=0)
    git(repository.dir, "worktree", "remove", "--force", "../there")
    assert f"{there} (removed)" in repository.run("instances", code=0).out


def test_worktrees_started_at_the_same_moment_get_different_numbers(repository):
    trees = [worktree(repository, f"wt{i}", f"feature/{i}") for i in range(5)]
    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        list(pool.map(lambda tree: tree.detach(), trees))
    assert sorted(tree.instance()["instance"] for tree in trees) == [3, 4, 5, 6, 7]
    assert {row["branch"] for row in claimed(repository).values()} == {f"feature/{i}" for i in range(5)}


def test_a_registry_made_anew_still_knows_a_worktree_that_moved(repository):
    first, tree = worktree(repository, "first", "one"), worktree(repository, "wt", "two")
    first.up()
    tree.up()
    tree.down()
    for file in repository.world.home.glob("registry.db*"):
        file.unlink()
    git(repository.dir, "worktree", "move", "../wt", "../there")
    there = repository.world.project("there")
    there.up()
    assert there.instance()["instance"] == 4 and set(claimed(repository)) == {3, 4}


def test_a_removed_worktree_frees_its_number(repository):
    first, second = worktree(repository, "wt1", "one"), worktree(repository, "wt2", "two")
    first.up()
    first.down()
    git(repository.dir, "worktree", "remove", "--force", "../wt1")
    said = second.up()
    assert second.instance()["instance"] == 3 and f"instance 3 belonged to {first.dir}" in said.err


def test_a_removed_worktree_does_not_free_what_still_runs(repository):
    first, second = worktree(repository, "wt1", "one"), worktree(repository, "wt2", "two")
    first.up()
    pid = first.pid("api")
    shutil.rmtree(first.dir)
    second.up()
    assert second.instance()["instance"] == 4 and alive(pid)
    repository.run("down", "-i", "3", "-p", "shop", code=0)
    assert not alive(pid)
    second.down()
    third = worktree(repository, "wt3", "three")
    third.up()
    assert third.instance()["instance"] == 3


def test_a_worktree_made_anew_in_its_place_sees_nothing_of_the_old_one(repository):
    tree = worktree(repository, "wt", "one")
    tree.up()
    tree.down()
    (repository.state_dir(3) / "precious").write_text("of branch one")
    git(repository.dir, "worktree", "remove", "--force", "../wt")
    again = worktree(repository, "wt", "two")
    again.up()
    assert again.instance()["instance"] == 3 and not (repository.state_dir(3) / "precious").exists()


def test_a_locked_worktree_is_not_gone_when_its_disk_is_away(repository):
    tree = worktree(repository, "wt", "one")
    tree.up()
    tree.down()
    git(repository.dir, "worktree", "lock", "../wt")
    tree.dir.rename(repository.world.root / "unmounted")
    other = worktree(repository, "wt2", "two")
    other.up()
    assert other.instance()["instance"] == 4


def test_a_second_clone_is_a_project_of_its_own(repository):
    git(repository.dir, "clone", "-q", ".", "../b/shop")
    clone = repository.world.project("b/shop")
    repository.up()
    said = clone.up()
    assert "'shop-2'" in said.err and clone.instance()["base_port"] == 30200
    listed = repository.run("registry", "list", "--json", code=0).json["projects"]
    assert {p["name"]: p["path"] for p in listed} == {"shop": str(repository.dir), "shop-2": str(clone.dir)}


@pytest.mark.parametrize("of", ["the first", "a third"])
def test_a_clone_gets_another_block_than_the_fixed_one(world, of):
    """Whatever its directory is called, and told whose the block is; a stranger with the number is an error."""
    first = world.project("first")
    first.stack("[stack]\nblock = 40\n" + STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        git(first.dir, *args)
    origin = first.dir
    if of == "a third":
        origin = world.root / "hub.git"
        git(first.dir, "clone", "-q", "--bare", ".", origin)
        git(first.dir, "remote", "add", "origin", f"file://{origin}")
    git(first.dir, "clone", "-q", origin, "../second")
    first.up()
    second = world.project("second")
    said = second.up().err
    assert "block 40" in said and str(first.dir) in said and second.port("api") == 30101, said
    assert "block 40" not in second.up().err


def test_clones_are_known_wherever_git_keeps_their_repository(world):
    """In a directory of its own beside, or a bare one whose worktrees are all linked."""
    first = world.project("first")
    first.stack("[stack]\nblock = 40\n" + STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["clone", "-q", "--bare", ".", "../bare.git"],
                 ["clone", "-q", "--separate-git-dir", "../store", "../bare.git", "../beside"],
                 ["-C", "../bare.git", "worktree", "add", "-q", "-b", "one", "../tree"]):
        git(first.dir, *args)
    for name, whose in ("tree", None), ("beside", world.root / "projects/bare.git"), ("first", world.root / "projects/bare.git"):
        said = world.project(name).run("registry", "add", code=0).err
        assert whose is None and "block 40" not in said or f"({whose})" in said, (name, said)


def test_two_projects_that_fix_one_block_are_told_both_paths(world):
    one, two = world.project("one"), world.project("two")
    for project in (one, two):
        project.stack("[stack]\nblock = 40\n" + STACK)
    one.up()
    refused = two.detach(code=5)
    assert str(one.dir) in refused.err and str(two.dir) in refused.err and "block = 1" in refused.err, refused


def test_an_eleventh_instance_has_ports_of_a_further_block(world, repository):
    other = world.project("other")
    other.stack(STACK)
    repository.detach()
    other.detach()
    repository.detach("-i", "11")
    assert repository.instance("-i", "11")["base_port"] == 30300
    repository.up("-i", "11")
    assert repository.port("api", "-i", "11") == 30301
