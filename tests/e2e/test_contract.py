"""Sentences of the contract that the binary once did not keep."""
import re

import pytest

STACK = "[service api]\ncommand = ACTOR --listen\n"


@pytest.mark.parametrize("args", [["up"], ["down"], ["status"], ["run"], ["ports", "list"], ["registry"], ["--json", "env"]])
def test_version_after_a_verb_only_prints_it(shop, args):
    shop.stack(STACK)
    shop.up()
    result = shop.run(*args, "--version", code=0, timeout=10)
    assert re.search(r"\d+\.\d+\.\d+", result.out) and not result.err
    assert shop.state("api") == "ready"
