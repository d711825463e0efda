-- Figures without reading requests: roll-ups of their own; and indexes that are written where the last entries are, at any size.

-- What happened to the requests of one series and one ending that started within `width` minutes (1, 15, 60, 1440) from minute `start` since
-- the epoch.
-- Every request counts twice: with its series, and with those of all series together, which stand apart so that the figures of everything read
-- few rows, however many series there are.
-- A wider one is made of narrower ones when it has come to its end (embedded/rollups.py).
-- Distributions are packed as embedded/packed.py says; sums end at the greatest integer instead of overflowing.
CREATE TABLE rollups(
    together INTEGER NOT NULL,
    width INTEGER NOT NULL,
    start INTEGER NOT NULL,
    -- 0 for all series together.
    series INTEGER NOT NULL,
    ending INTEGER NOT NULL REFERENCES endings(id),
    requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    durations BLOB NOT NULL,
    -- NULL where no request brought a first chunk.
    first_chunks BLOB,
    PRIMARY KEY(together, width, start, series, ending)
) WITHOUT ROWID;

INSERT INTO rollups
SELECT
    together.value, width.value, start_ns / 60000000000 / width.value * width.value, iif(together.value, 0, series), ending,
    count(*), bounded_sum(input_tokens), bounded_sum(output_tokens), packed(duration_ns), packed(first_chunk_ns)
FROM requests CROSS JOIN json_each('[0, 1]') AS together CROSS JOIN json_each('[1, 15, 60, 1440]') AS width
GROUP BY 1, 2, 3, 4, 5;

CREATE INDEX blocks_by_request ON blocks(first_request) WHERE first_request IS NOT NULL;

-- A span that is sent twice is one request. Its start comes first, so that inserts touch the end of the tree alone. By day and trace they
-- touched as many pages as there were requests, more with each million of a day.
DROP INDEX requests_identity;
CREATE UNIQUE INDEX requests_identity ON requests(start_ns, trace_id, span_id);

-- From here on, key = shard << 47 | the last 47 bits of the trace id: shards follow one another, each of so many entries that inserts touch
-- few pages (embedded/blocks.py). Earlier ones, days, count as shards.
INSERT INTO counters
SELECT 'filed', 16384 * (1 + coalesce((SELECT key >> 47 FROM traces ORDER BY key DESC LIMIT 1), 0));
