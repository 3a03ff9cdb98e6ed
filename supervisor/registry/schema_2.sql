-- Version 2. Ports kept for those who do not run: by somebody's word, and for the next run.

CREATE TABLE reservations (
	port INTEGER PRIMARY KEY CHECK (port BETWEEN 1 AND 65535),
	project_id INTEGER REFERENCES projects (id) ON DELETE CASCADE, -- NULL: for no service of ours
	instance INTEGER NOT NULL DEFAULT 0,
	service TEXT NOT NULL DEFAULT '',
	port_name TEXT NOT NULL DEFAULT '',
	owner TEXT NOT NULL DEFAULT '',
	note TEXT NOT NULL DEFAULT '',
	created_at TEXT NOT NULL
);

-- The id grows with every use: the lowest is the one that was not used for the longest time.
CREATE TABLE pool_ports (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	instance INTEGER NOT NULL,
	service TEXT NOT NULL,
	port_name TEXT NOT NULL,
	port INTEGER NOT NULL UNIQUE CHECK (port BETWEEN 1 AND 65535),
	UNIQUE (project_id, instance, service, port_name)
);

-- Services on emergency ports, and where they belong; the incidents are in their own table.
CREATE TABLE reassignments (
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	instance INTEGER NOT NULL,
	service TEXT NOT NULL,
	port_name TEXT NOT NULL,
	port INTEGER NOT NULL,
	planned_port INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	PRIMARY KEY (project_id, instance, service, port_name)
) WITHOUT ROWID;
