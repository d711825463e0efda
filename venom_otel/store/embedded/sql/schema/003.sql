-- Metrics and log records as rows, so that both can be asked for, and counters of all that is kept.

-- A stream of points: a metric of one sender with one set of attributes, known by a digest of all that tells it from others.
-- Attributes are JSON with sorted names; "" where there is no service. `bounds` are those of its buckets, as doubles one after the other.
CREATE TABLE streams(
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    unit TEXT NOT NULL,
    description TEXT NOT NULL,
    temporality TEXT,
    monotonic INTEGER,
    service TEXT NOT NULL,
    scope TEXT NOT NULL,
    scope_version TEXT NOT NULL,
    scope_attributes TEXT NOT NULL,
    attributes TEXT NOT NULL,
    resource TEXT NOT NULL,
    bounds BLOB
);

CREATE INDEX streams_by_name ON streams(name, service);

-- The id of a point or a log record says where it came: block << 24 | place. So what belongs to a block is one range of ids, and ids grow
-- with arrival. Columns without a type keep numbers as they were sent; NaN, which SQLite has not, is the text 'NaN'.
CREATE TABLE points(
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES streams(id),
    time_ns INTEGER NOT NULL,
    start_ns INTEGER,
    value,
    count INTEGER,
    low,
    high,
    -- Where they differ from the stream's.
    bounds BLOB,
    detail BLOB
);

CREATE INDEX points_by_stream ON points(stream, time_ns);

-- What log records are filtered by: who wrote it ("" where it does not say) and OTLP's severity number.
CREATE TABLE log_kinds(
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    severity INTEGER NOT NULL,
    UNIQUE(service, severity)
);

CREATE TABLE logs(
    id INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    kind INTEGER NOT NULL REFERENCES log_kinds(id)
);

CREATE INDEX logs_by_kind ON logs(kind);

CREATE INDEX blocks_of_logs ON blocks(last_ns, first_ns) WHERE signal = 'logs';

-- Of what is kept, and the last block whose points and log records are not rows yet: embedded/backfill.py files them after this step.
INSERT INTO counters
SELECT kinds.name, coalesce(sum(blocks.items), 0)
FROM (SELECT 'spans' AS name, 'traces' AS signal UNION ALL SELECT 'points', 'metrics' UNION ALL SELECT 'records', 'logs') AS kinds
LEFT JOIN blocks ON blocks.signal = kinds.signal
GROUP BY kinds.name
UNION ALL SELECT 'requests', (SELECT count(*) FROM requests)
UNION ALL SELECT 'unfiled', (SELECT coalesce(max(id), 0) FROM blocks);
