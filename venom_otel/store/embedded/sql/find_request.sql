-- By the blocks in which its trace lies: one step for each shard of the index, the newest first, then the requests of each block. Each +
-- keeps SQLite from making an index of the whole table for this one question.
WITH RECURSIVE shards(shard) AS (
    SELECT (SELECT key >> 47 FROM traces ORDER BY key DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT key >> 47 FROM traces WHERE key < shards.shard << 47 ORDER BY key DESC LIMIT 1)
    FROM shards WHERE shards.shard IS NOT NULL
)
SELECT r.id
FROM shards
CROSS JOIN traces ON traces.key = (shards.shard << 47) | :low
CROSS JOIN blocks ON blocks.id = traces.block
CROSS JOIN requests AS r ON r.id BETWEEN blocks.first_request AND blocks.last_request AND +r.trace_id = :trace_id AND +r.span_id = :span_id
WHERE shards.shard IS NOT NULL
LIMIT 1;
