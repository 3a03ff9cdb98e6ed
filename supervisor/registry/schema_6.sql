-- Version 6. The life of services in the history, and an index for every question to it.

ALTER TABLE events ADD COLUMN service TEXT NOT NULL DEFAULT ''; -- '': the instance itself
ALTER TABLE events ADD COLUMN old_value TEXT NOT NULL DEFAULT ''; -- both '': nothing has changed
ALTER TABLE events ADD COLUMN new_value TEXT NOT NULL DEFAULT '';
CREATE INDEX events_at ON events (timestamp);
CREATE INDEX events_of_project ON events (project_id, timestamp);
CREATE INDEX events_of_instance ON events (project_id, instance, timestamp);
CREATE INDEX events_of_service ON events (project_id, service, timestamp, instance);

DROP INDEX port_history_of_service;
CREATE INDEX port_history_at ON port_history (timestamp);
CREATE INDEX port_history_of_service ON port_history (service_id, timestamp);
CREATE INDEX port_history_from ON port_history (old_value, timestamp);
CREATE INDEX port_history_to ON port_history (new_value, timestamp);
CREATE INDEX services_by_name ON services (service_name);

CREATE INDEX conflicts_at ON conflicts (timestamp);
CREATE INDEX conflicts_of_project ON conflicts (project_id, timestamp);
CREATE INDEX conflicts_of_service ON conflicts (service, timestamp);
CREATE INDEX conflicts_of_port ON conflicts (port, timestamp);
CREATE INDEX conflicts_moved_to ON conflicts (moved_to, timestamp);

CREATE INDEX incidents_at ON incidents (timestamp);
CREATE INDEX incidents_of_project ON incidents (project_id, timestamp);

-- Rows about ports: "port 9000 of service 'api'", "ports of service 'api'".
CREATE INDEX audit_at ON audit (timestamp);
CREATE INDEX audit_of_ports ON audit (timestamp) WHERE substr(target, 1, 4) = 'port';
CREATE INDEX audit_of_project ON audit (project_id, timestamp) WHERE substr(target, 1, 4) = 'port';
CREATE INDEX audit_of_port ON audit (CAST(substr(target, 6) AS INTEGER), timestamp)
	WHERE substr(target, 1, 4) = 'port';
CREATE INDEX audit_of_service
	ON audit (substr(target, instr(target, '''') + 1, length(target) - instr(target, '''') - 1), timestamp)
	WHERE substr(target, 1, 4) = 'port';
