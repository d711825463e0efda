-- In which shard of the index a block is filed, by one of its traces: for the oldest block that is the first shard, one step.
WITH RECURSIVE shards(shard) AS (
    SELECT (SELECT key >> 47 FROM traces ORDER BY key LIMIT 1)
    UNION ALL
    SELECT (SELECT key >> 47 FROM traces WHERE key >= (shards.shard + 1) << 47 ORDER BY key LIMIT 1)
    FROM shards WHERE shards.shard IS NOT NULL
)
SELECT shards.shard
FROM shards
CROSS JOIN traces ON traces.key = (shards.shard << 47) | :low AND traces.block = :block
WHERE shards.shard IS NOT NULL
LIMIT 1;
