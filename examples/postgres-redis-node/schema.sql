CREATE TABLE IF NOT EXISTS notes (
	id serial PRIMARY KEY,
	body text NOT NULL,
	written_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO notes (body) SELECT 'a first note, from schema.sql' WHERE NOT EXISTS (SELECT FROM notes);
