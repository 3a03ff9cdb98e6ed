"""The fixtures of the end-to-end tests, and a count of what was repelled."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
_source = pathlib.Path(__file__).resolve().parents[1] / "e2e" / "conftest.py"
exec(compile(_source.read_text(), str(_source), "exec"))  # pytest wants fixtures in this module


class Tally:
    """Which attacks did what they are for; all of them are tried, then any is a failure."""

    def __init__(self, what, say):
        self.what, self.say, self.tried, self.through = what, say, 0, []

    def repelled(self, name, why=None):
        """why: what came of it; nothing where it is repelled."""
        self.tried += 1
        if why:
            self.through.append(f"{name}: {why}")

    def finish(self):
        self.say(f"{self.what}: {self.tried - len(self.through)} of {self.tried} repelled")
        assert self.tried and not self.through, "\n" + "\n".join(self.through)


@pytest.fixture
def tally(request, capsys):
    def say(text):
        with capsys.disabled():
            print("\n" + text)
    made = Tally(request.node.name.removeprefix("test_"), say)
    yield made
    if not made.tried:
        return
    made.finish()
