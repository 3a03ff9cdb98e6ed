"""A sample of tests/faults/sweep, which by hand goes through every call, every kill and every allocation.

As good as the same sample every time, so that a failure is of what was changed; STACKUP_SEED takes another one.
"""
import os
import pathlib
import random

import harness
import pytest
import sweeping

SEED = int(os.environ.get("STACKUP_SEED", 1))
RELEASE = os.environ.get("STACKUP_RELEASE_BIN", "")
SAMPLE = 12
# Only what has stood a whole sweep: a sample of the others fails now and then, each time for a reason of its own,
# and those are looked for by hand.
VERBS = ["register"]

nth = pytest.mark.skipif(not (sweeping.TOOLS / "nth").exists(), reason="nth.c knows how to change a call on x86-64 only")
unsanitized = pytest.mark.skipif(not pathlib.Path(RELEASE).exists(), reason="no release build, whose malloc can fail")


@pytest.fixture(autouse=True)
def own_network():
    harness.own_network()


def sweep(verb, faults):
    """A few of them at random: as many on every machine."""
    dice, tried = random.Random(SEED), []
    while len(tried) < SAMPLE:
        tried.append(dice.choice(faults))
        wrong = sweeping.try_fault(verb, tried[-1])
        assert wrong in ("", "not hit"), f"sweep {verb} --only {tried[-1]}: {wrong}\nseed {SEED}, tried {' '.join(tried)}"
    print(f"{verb}: {len(tried)} of {len(faults)} faults, seed {SEED}")


@nth
@pytest.mark.parametrize("verb", VERBS)
def test_fault_S6_S27_any_call_fails_or_is_the_last(verb):
    sweep(verb, sweeping.calls_of(verb))


# What whole sweeps have found, and what must not come back: a report of the supervisor that could not be read was waited for
# until its end; a guardian without /dev/null kept the caller's stderr.
@nth
@pytest.mark.parametrize("kind,error", [("client:read:", "EIO"), ("guardian:openat:", "EMFILE")])
def test_fault_S27_the_caller_is_not_kept_waiting(kind, error):
    faults = [fault for fault in sweeping.calls_of("up") if fault.startswith(kind) and fault.endswith(error)]
    for fault in faults[:4]:
        assert sweeping.try_fault("up", fault) in ("", "not hit"), fault


@unsanitized
@pytest.mark.parametrize("verb", VERBS)
def test_fault_S25_any_allocation_fails(verb, monkeypatch):
    monkeypatch.setattr(harness, "BIN", RELEASE)
    sweep(verb, sweeping.allocations_of(verb))
