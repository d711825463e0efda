-- Cold starts are told apart, so that they can be counted: which requests a runtime says it loaded the model for.

CREATE TABLE endings_with_cold_starts(
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    error_kind TEXT NOT NULL,
    routed INTEGER NOT NULL,
    -- 0 for a request of which the runtime does not say, 1 where it had the model in memory, 2 where it loaded it.
    cold INTEGER NOT NULL,
    UNIQUE(status, error_kind, routed, cold)
);

INSERT INTO endings_with_cold_starts SELECT id, status, error_kind, routed, 0 FROM endings;
DROP TABLE endings;
ALTER TABLE endings_with_cold_starts RENAME TO endings;

-- The last block whose requests are judged as an earlier version judged them: embedded/rejudging.py does it anew after this step.
INSERT INTO counters SELECT 'unjudged', (SELECT coalesce(max(id), 0) FROM blocks);
