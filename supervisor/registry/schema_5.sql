-- Version 5. How launches got their ports, for the report.

CREATE TABLE launches (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	project_id INTEGER NOT NULL,
	instance INTEGER NOT NULL,
	assigned INTEGER NOT NULL, -- 0: it failed for want of a port
	conflicts INTEGER NOT NULL, -- ports that somebody else had
	assign_us INTEGER NOT NULL,
	timestamp TEXT NOT NULL
);
