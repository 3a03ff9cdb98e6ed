-- Version 1. Times are UTC, ISO 8601. Numbers of network and pid namespaces are inodes.

CREATE TABLE projects (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	block INTEGER NOT NULL,
	name TEXT NOT NULL UNIQUE,
	path TEXT NOT NULL,
	stack_name TEXT NOT NULL,
	status TEXT NOT NULL DEFAULT 'active'
		CHECK (status IN ('active', 'reserved', 'legacy', 'archived')),
	owner TEXT NOT NULL DEFAULT '',
	created_at TEXT NOT NULL,
	last_used_at TEXT NOT NULL,
	UNIQUE (path, stack_name)
);

CREATE TABLE blocks (
	block INTEGER PRIMARY KEY,
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	ordinal INTEGER NOT NULL,
	UNIQUE (project_id, ordinal)
);

CREATE TABLE instances (
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	instance INTEGER NOT NULL,
	spans INTEGER NOT NULL DEFAULT 1,
	block INTEGER NOT NULL,
	worktree TEXT NOT NULL,
	purpose TEXT NOT NULL DEFAULT '',
	branch TEXT NOT NULL DEFAULT '',
	environment TEXT NOT NULL DEFAULT 'development',
	status TEXT NOT NULL CHECK (status IN ('stopped', 'running', 'crashed')),
	generation INTEGER NOT NULL DEFAULT 0,
	used INTEGER NOT NULL DEFAULT 0,
	run_id TEXT NOT NULL DEFAULT '',
	owner_pid INTEGER NOT NULL DEFAULT 0,
	guardian_pid INTEGER NOT NULL DEFAULT 0,
	owner_start INTEGER NOT NULL DEFAULT 0,
	boot_id TEXT NOT NULL DEFAULT '',
	netns INTEGER NOT NULL DEFAULT 0,
	pidns INTEGER NOT NULL DEFAULT 0,
	created_at TEXT NOT NULL,
	started_at TEXT NOT NULL DEFAULT '',
	last_used_at TEXT NOT NULL,
	PRIMARY KEY (project_id, instance)
) WITHOUT ROWID;

CREATE TABLE leases (
	netns INTEGER NOT NULL,
	protocol TEXT NOT NULL CHECK (protocol IN ('tcp', 'udp')),
	port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	instance INTEGER NOT NULL,
	service TEXT NOT NULL DEFAULT '',
	port_name TEXT NOT NULL DEFAULT '',
	slot INTEGER NOT NULL DEFAULT -1,
	kind TEXT NOT NULL CHECK (kind IN ('home', 'moved', 'fixed', 'spare')),
	created_at TEXT NOT NULL,
	UNIQUE (netns, protocol, port)
);
CREATE INDEX leases_of_instance ON leases (project_id, instance);

CREATE TABLE services (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	instance INTEGER NOT NULL,
	service_name TEXT NOT NULL,
	port_name TEXT NOT NULL DEFAULT 'main',
	external_ip TEXT NOT NULL DEFAULT '',
	internal_port INTEGER NOT NULL DEFAULT 0,
	external_port INTEGER NOT NULL DEFAULT 0,
	protocol TEXT NOT NULL DEFAULT 'tcp',
	status TEXT NOT NULL DEFAULT 'active',
	last_updated TEXT NOT NULL,
	config_files TEXT NOT NULL DEFAULT '',
	UNIQUE (project_id, instance, service_name, port_name)
);

CREATE TABLE slots (
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	service TEXT NOT NULL,
	port_name TEXT NOT NULL,
	slot INTEGER NOT NULL,
	PRIMARY KEY (project_id, service, port_name)
) WITHOUT ROWID;

CREATE TABLE hold_modes (
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	service TEXT NOT NULL,
	mode TEXT NOT NULL,
	PRIMARY KEY (project_id, service)
) WITHOUT ROWID;

CREATE TABLE port_history (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	service_id INTEGER NOT NULL,
	old_value INTEGER NOT NULL,
	new_value INTEGER NOT NULL,
	change_type TEXT NOT NULL,
	timestamp TEXT NOT NULL
);
CREATE INDEX port_history_of_service ON port_history (service_id);

CREATE TABLE conflicts (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL,
	instance INTEGER NOT NULL,
	service TEXT NOT NULL,
	port INTEGER NOT NULL,
	class TEXT NOT NULL,
	holder TEXT NOT NULL,
	action TEXT NOT NULL,
	moved_to INTEGER NOT NULL DEFAULT 0,
	timestamp TEXT NOT NULL
);

CREATE TABLE incidents (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL,
	instance INTEGER NOT NULL,
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	timestamp TEXT NOT NULL
);

CREATE TABLE audit (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL,
	instance INTEGER NOT NULL,
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	reason TEXT NOT NULL,
	timestamp TEXT NOT NULL
);

CREATE TABLE events (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL,
	instance INTEGER NOT NULL,
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	timestamp TEXT NOT NULL
);
