-- Figures over any time and any filter without reading requests: roll-ups by minute and by hour; a block is found by its requests.

-- What happened to the requests of one series and one ending that started within `width` minutes from minute `start` since the epoch.
-- Distributions are packed as embedded/packed.py says; sums end at the greatest integer instead of overflowing.
CREATE TABLE rollups(
    width INTEGER NOT NULL,
    start INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series(id),
    ending INTEGER NOT NULL REFERENCES endings(id),
    requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    durations BLOB NOT NULL,
    -- NULL where no request brought a first chunk.
    first_chunks BLOB,
    PRIMARY KEY(width, start, series, ending)
) WITHOUT ROWID;

INSERT INTO rollups
SELECT
    width.value, start_ns / 60000000000 / width.value * width.value, series, ending,
    count(*), bounded_sum(input_tokens), bounded_sum(output_tokens), packed(duration_ns), packed(first_chunk_ns)
FROM requests CROSS JOIN json_each('[1, 60]') AS width
GROUP BY 1, 2, 3, 4;

CREATE INDEX blocks_by_request ON blocks(first_request) WHERE first_request IS NOT NULL;
