-- Alerts, and how far requests have been looked at for them.

CREATE TABLE alerts(
    id TEXT NOT NULL PRIMARY KEY,
    changed_ns INTEGER NOT NULL,
    -- JSON: only the program that keeps it reads it.
    body TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX alerts_by_change ON alerts(changed_ns);

CREATE TABLE marks(
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
