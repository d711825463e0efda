-- How fast answers were written, so that figures mean the same as a single request's (store/generation.py): of how many
-- answers the time from the first token on is known, the tokens after it, and that time.

ALTER TABLE rollups ADD COLUMN generations INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollups ADD COLUMN generated_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollups ADD COLUMN generation_ns INTEGER NOT NULL DEFAULT 0;

WITH written AS (
    SELECT
        start_ns / 60000000000 AS minute, series, ending, output_tokens - 1 AS tokens,
        iif(generation_ns > 0, generation_ns, duration_ns - first_chunk_ns) AS ns, coalesce(generation_ns, 0) > 0 AS told
    FROM requests WHERE output_tokens > 1
),
minutes AS (
    SELECT minute, series, ending, count(*) AS requests, bounded_sum(tokens) AS tokens, bounded_sum(ns) AS ns
    FROM written WHERE told OR tokens * 1000000000.0 <= 20000.0 * ns GROUP BY 1, 2, 3
),
found AS (
    SELECT
        together.value AS together, width.value AS width, minute / width.value * width.value AS start,
        iif(together.value, 0, series) AS series, ending,
        sum(requests) AS requests, bounded_sum(tokens) AS tokens, bounded_sum(ns) AS ns
    FROM minutes CROSS JOIN json_each('[0, 1]') AS together CROSS JOIN json_each('[1, 15, 60, 1440]') AS width
    GROUP BY 1, 2, 3, 4, 5
)
UPDATE rollups SET generations = found.requests, generated_tokens = found.tokens, generation_ns = found.ns FROM found
WHERE rollups.together = found.together AND rollups.width = found.width AND rollups.start = found.start
    AND rollups.series = found.series AND rollups.ending = found.ending;
