-- Version 9. Which machine's process runs an instance: "ID NAME" (host.h). Two can share a home.

ALTER TABLE instances ADD COLUMN host TEXT NOT NULL DEFAULT '';
