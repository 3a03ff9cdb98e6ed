"""Brings the database to the newest version; a task, so it runs to its end before the API starts."""
import os
import sqlite3

STEPS = [
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'new')",
    "ALTER TABLE orders ADD COLUMN handled_by TEXT",
    "INSERT INTO orders (item) VALUES ('a first order, from the migration')",
]

database = sqlite3.connect(os.environ["DATABASE"], isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
version = database.execute("PRAGMA user_version").fetchone()[0]
for number, step in enumerate(STEPS[version:], version + 1):
    database.execute("BEGIN IMMEDIATE")
    database.execute(step)
    database.execute(f"PRAGMA user_version = {number}")
    database.execute("COMMIT")
    print(f"migrate: step {number}: {step[:60]}")
print(f"migrate: the database is at version {len(STEPS)}")
