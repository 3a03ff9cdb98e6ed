-- Version 3. What holds for the whole registry: ports_base is the first port of block 0, from the first
-- project on.

CREATE TABLE settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO settings SELECT 'ports_base', 30000 WHERE EXISTS (SELECT 1 FROM projects);
