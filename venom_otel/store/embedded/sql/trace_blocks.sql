-- Blocks that may hold something of a trace, for every shard of the index, one step for each. They come in order of arrival as the
-- loops run; sorting them would gather all their data first.
WITH RECURSIVE shards(shard) AS (
    SELECT (SELECT key >> 47 FROM traces ORDER BY key LIMIT 1)
    UNION ALL
    SELECT (SELECT key >> 47 FROM traces WHERE key >= (shards.shard + 1) << 47 ORDER BY key LIMIT 1)
    FROM shards WHERE shards.shard IS NOT NULL
)
SELECT blocks.id, blocks.arrived_ns, payloads.zstd
FROM shards
CROSS JOIN traces ON traces.key = (shards.shard << 47) | :low
CROSS JOIN blocks ON blocks.id = traces.block AND blocks.signal = :signal
CROSS JOIN payloads ON payloads.block = blocks.id
WHERE shards.shard IS NOT NULL;
