"""A registry as it is after years: projects with their instances and services, and a long history.

    fill.py STATE [ROWS]        the registry must be there (`stackup registry add` makes one)

Only projects with a block can run; the others are archived. Rows are spread over all projects, and over the
last sixty days.
"""
import contextlib
import sqlite3
import sys

PROJECTS, INSTANCES, SERVICES, BLOCKS = 1000, 10, 10, 300

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {}) "
DAY = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{0} days')"
# The i-th of so many rows: from sixty days ago until now.
AT = "strftime('%Y-%m-%dT%H:%M:%fZ', julianday('now') - 60.0 * ({rows} - i) / {rows})"
WHOSE = f"1 + i % {PROJECTS}, 1 + i / {PROJECTS} % {INSTANCES}"
SERVICE = f"'service-' || (i / {PROJECTS * INSTANCES} % {SERVICES})"

PLACES = f"""
{NUMBERS.format(PROJECTS)} INSERT INTO projects (id, block, name, path, stack_name, status, owner, created_at,
    last_used_at) SELECT 1 + i, 1 + i % {BLOCKS}, 'project-' || i, '/home/team/src/project-' || i, 'project-' || i,
    iif(i < {BLOCKS}, 'active', 'archived'), 'team ' || (i % 7), {DAY.format(60)}, {DAY.format(1)} FROM n;
INSERT INTO blocks (block, project_id, ordinal) SELECT block, id, 0 FROM projects WHERE status = 'active';
{NUMBERS.format(PROJECTS * INSTANCES)} INSERT INTO instances (project_id, instance, block, worktree, purpose, branch,
    status, created_at, last_used_at, used) SELECT 1 + i / {INSTANCES}, 1 + i % {INSTANCES},
    1 + i / {INSTANCES} % {BLOCKS}, '/home/team/src/project-' || (i / {INSTANCES}) || '/worktrees/feature-' ||
    (i % {INSTANCES}), 'feature ' || (i % {INSTANCES}), 'feature/number-' || i, 'stopped', {DAY.format(30)},
    {DAY.format(1)}, 1 + i % {INSTANCES} FROM n;
{NUMBERS.format(PROJECTS * INSTANCES * SERVICES)} INSERT INTO services (id, project_id, instance, service_name,
    internal_port, external_port, status, last_updated) SELECT 1 + i, 1 + i / {INSTANCES * SERVICES},
    1 + i / {SERVICES} % {INSTANCES}, 'service-' || (i % {SERVICES}), 30000 + i % 30000, 30000 + i % 30000, 'inactive',
    {DAY.format(1)} FROM n;
INSERT OR REPLACE INTO settings (name, value) VALUES ('ports_base', 30000);
"""

HISTORY = (
    (0.6, f"events (project_id, instance, service, kind, old_value, new_value, text, timestamp) SELECT {WHOSE}, "
          f"{SERVICE}, 'ready', 'starting', 'ready', 'ready after 1.2 s, and what else there is to say', {{at}} FROM n"),
    (0.2, f"port_history (service_id, old_value, new_value, change_type, timestamp) SELECT "
          f"1 + i * 7919 % {PROJECTS * INSTANCES * SERVICES}, 30000 + i % 20000, 30001 + i % 20000, 'moved', {{at}} FROM n"),
    (0.1, f"conflicts (project_id, instance, service, port, class, holder, action, moved_to, timestamp) SELECT {WHOSE}, "
          f"{SERVICE}, 30000 + i % 20000, 'foreign', 'held by pid 4242 (node), user anna', 'moved', 30001 + i % 20000, "
          "{at} FROM n"),
    (0.05, f"incidents (project_id, instance, kind, text, timestamp) SELECT {WHOSE}, 'emergency_port', "
           "'another port than the planned one', {at} FROM n"),
    (0.05, f"audit (project_id, instance, action, target, reason, timestamp) SELECT {WHOSE}, 'reserved', "
           f"'port ' || (30000 + i % 20000) || ' of service ''' || {SERVICE} || '''', 'for ann', {{at}} FROM n"),
)


def fill(database, rows=1000000):
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA foreign_keys=OFF")
        for table in ("instances", "blocks", "services", "leases", "projects"):
            db.execute(f"DELETE FROM {table}")
        db.executescript("BEGIN;" + PLACES + "COMMIT;")
        for share, insert in HISTORY:
            count = int(rows * share)
            db.executescript(f"BEGIN; {NUMBERS.format(count)} INSERT INTO {insert.format(at=AT.format(rows=count))}; COMMIT;")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    fill(sys.argv[1] + "/registry.db", *map(int, sys.argv[2:3]))
