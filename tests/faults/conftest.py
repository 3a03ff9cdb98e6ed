"""The fixtures of the end-to-end tests; the faults are provoked under the same binary."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
_source = pathlib.Path(__file__).resolve().parents[1] / "e2e" / "conftest.py"
exec(compile(_source.read_text(), str(_source), "exec"))  # pytest wants fixtures in this module
