-- What was answered in another server's place is told apart, so that it can be found. What is stored counts as not routed: it was kept before
-- routed calls said so.

CREATE TABLE endings_of_routes(
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    error_kind TEXT NOT NULL,
    -- 0 for a request that was not routed, 1 for an attempt at the server that should answer, 2 for one in another's place.
    routed INTEGER NOT NULL,
    UNIQUE(status, error_kind, routed)
);

INSERT INTO endings_of_routes SELECT id, status, error_kind, 0 FROM endings;
DROP TABLE endings;
ALTER TABLE endings_of_routes RENAME TO endings;
