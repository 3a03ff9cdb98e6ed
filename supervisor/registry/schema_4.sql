-- Version 4. What tells one git worktree from another, what was checked out, and notes on projects.

ALTER TABLE projects ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN git_dir TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN git_mark TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN commit_id TEXT NOT NULL DEFAULT '';
