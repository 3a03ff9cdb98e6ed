-- Version 7. Documents that are kept like the registry (exports.h), and how many changes each of them
-- does not show yet. Where there is none, a trigger finds no row and writes nothing.

CREATE TABLE exports (
	path TEXT PRIMARY KEY,
	format TEXT NOT NULL CHECK (format IN ('json', 'markdown', 'csv')),
	behind INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;

CREATE TRIGGER projects_added AFTER INSERT ON projects BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER projects_changed AFTER UPDATE ON projects BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER projects_removed AFTER DELETE ON projects BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER blocks_added AFTER INSERT ON blocks BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER blocks_changed AFTER UPDATE ON blocks BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER blocks_removed AFTER DELETE ON blocks BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER instances_added AFTER INSERT ON instances BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER instances_changed AFTER UPDATE ON instances BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER instances_removed AFTER DELETE ON instances BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER leases_added AFTER INSERT ON leases BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER leases_changed AFTER UPDATE ON leases BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER leases_removed AFTER DELETE ON leases BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER services_added AFTER INSERT ON services BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER services_changed AFTER UPDATE ON services BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER services_removed AFTER DELETE ON services BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER slots_added AFTER INSERT ON slots BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER slots_changed AFTER UPDATE ON slots BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER slots_removed AFTER DELETE ON slots BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER reservations_added AFTER INSERT ON reservations BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER reservations_changed AFTER UPDATE ON reservations BEGIN UPDATE exports SET behind = behind + 1; END;
CREATE TRIGGER reservations_removed AFTER DELETE ON reservations BEGIN UPDATE exports SET behind = behind + 1; END;
