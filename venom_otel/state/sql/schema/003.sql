-- Tasks: how each is and who answered, without anything that was asked or answered.

CREATE TABLE tasks(
    -- Order of beginning.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    ended INTEGER NOT NULL,
    -- JSON: only the program that keeps it reads it.
    body TEXT NOT NULL
);

CREATE INDEX tasks_unfinished ON tasks(number) WHERE NOT ended;
