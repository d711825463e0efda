-- The first layout: operations, and the audit of what was asked for.

CREATE TABLE operations(
    -- Order of beginning.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    server TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT,
    asked_by TEXT NOT NULL,
    state TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    finished_ns INTEGER,
    error TEXT
);

CREATE INDEX operations_by_server ON operations(server, number);

-- Written once. The number is the cursor of its pages and is never given twice.
CREATE TABLE audit(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    server TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT,
    asked_by TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    operation_id TEXT
);
