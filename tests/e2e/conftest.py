"""Fixtures: a world (one STACKUP_HOME, one network) and a project in it; leaks fail the test."""
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import NOBODY, World, own_network  # noqa: E402
from holders import Holder  # noqa: E402
from processes import Held  # noqa: E402


def _world(uid=0):
    own_network()
    root = pathlib.Path(tempfile.mkdtemp(prefix="stackup-e2e-"))
    root.chmod(0o755)
    return World(root, uid)


@pytest.fixture
def world():
    made = _world()
    try:
        yield made
        made.finish()
    finally:
        shutil.rmtree(made.root, ignore_errors=True)


@pytest.fixture
def shop(world):
    return world.project("shop")


@pytest.fixture
def ends():
    """Whom the test wants gone must not outlive it, even where the program has failed to see it."""
    pids = Held()
    yield pids
    pids.kill()


@pytest.fixture
def unprivileged():
    """A world of the user nobody; only root can make one."""
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    made = _world(NOBODY)
    try:
        yield made
        made.finish()
    finally:
        shutil.rmtree(made.root, ignore_errors=True)


@pytest.fixture
def holder(world):
    """Starts servers that are none of ours; they are gone when the test is."""
    held = []
    place = world.root / "holders"
    place.mkdir()
    place.chmod(0o777)

    def start(*args, **options):
        held.append(Holder(place, *args, **options))
        return held[-1]
    yield start
    for each in held:
        each.close()
