-- The first layout: requests as rows, everything that was sent as blocks, found by trace.

-- Who asked and who answered; "" where the span did not say.
CREATE TABLE series(
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    response_model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    streaming INTEGER NOT NULL,
    UNIQUE(service, provider, model, response_model, endpoint, streaming)
);

-- How requests end: COMPLETED, FAILED or CANCELLED, and for which kind of reason ("" where none was given).
CREATE TABLE endings(
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    error_kind TEXT NOT NULL,
    UNIQUE(status, error_kind)
);

-- The request list. The id counts arrivals: it is the cursor of every page and is never given twice.
CREATE TABLE requests(
    id INTEGER PRIMARY KEY,
    start_ns INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series(id),
    ending INTEGER NOT NULL REFERENCES endings(id),
    first_chunk_ns INTEGER,
    input_tokens INTEGER,
    output_tokens INTEGER,
    error_type TEXT,
    error_message TEXT,
    trace_id BLOB NOT NULL,
    span_id BLOB NOT NULL
);

-- A span that is sent twice is one request. The day (of its start, UTC) comes first so that inserts touch today's part of the tree
-- alone: a plain index over random identifiers slows down as it grows.
CREATE UNIQUE INDEX requests_identity ON requests(start_ns / 86400000000000, trace_id, span_id);

-- Every filter of the list is a set of series and a set of endings; within a pair the rows lie in order of arrival.
CREATE INDEX requests_by_series ON requests(series, ending);

-- What was sent: the raw requests of one signal and one commit, one after the other, which is itself a valid request.
CREATE TABLE blocks(
    id INTEGER PRIMARY KEY,
    signal TEXT NOT NULL,
    arrived_ns INTEGER NOT NULL,
    -- The earliest and the latest time that anything inside speaks of.
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    items INTEGER NOT NULL,
    -- The requests whose spans are inside; NULL where there are none.
    first_request INTEGER,
    last_request INTEGER
);

CREATE INDEX blocks_by_time ON blocks(last_ns, first_request);

-- Apart from the blocks, so that walking these reads no data. `digests` are 16 bytes for each raw request: one that a sender repeats,
-- because it missed the answer, is known again also after a restart.
CREATE TABLE payloads(
    block INTEGER PRIMARY KEY REFERENCES blocks(id),
    digests BLOB NOT NULL,
    zstd BLOB NOT NULL
);

-- Where the spans and log records of a trace lie: key = day of arrival << 47 | the last 47 bits of the trace id.
CREATE TABLE traces(
    key INTEGER NOT NULL,
    block INTEGER NOT NULL,
    PRIMARY KEY(key, block)
) WITHOUT ROWID;

-- The next numbers; kept apart from the rows, which retention deletes.
CREATE TABLE counters(
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO counters VALUES('block', 1), ('request', 1);
