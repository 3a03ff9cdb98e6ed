"""A release: entry is a task: it runs once and ends."""
import os
import pathlib

path = pathlib.Path(os.environ["STACKUP_STATE_DIR"], "release.txt")
path.write_text(f"released for instance {os.environ['STACKUP_INSTANCE']}\n")
print(f"release: wrote {path}")
