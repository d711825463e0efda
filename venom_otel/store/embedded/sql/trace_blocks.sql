-- Blocks that may hold something of a trace, for every day that the index holds, one step for each. They come in order of arrival as the
-- loops run; sorting them would gather all their data first.
WITH RECURSIVE days(day) AS (
    SELECT (SELECT key >> 47 FROM traces ORDER BY key LIMIT 1)
    UNION ALL
    SELECT (SELECT key >> 47 FROM traces WHERE key >= (days.day + 1) << 47 ORDER BY key LIMIT 1)
    FROM days WHERE days.day IS NOT NULL
)
SELECT blocks.id, blocks.arrived_ns, payloads.zstd
FROM days
CROSS JOIN traces ON traces.key = (days.day << 47) | :low
CROSS JOIN blocks ON blocks.id = traces.block AND blocks.signal = :signal
CROSS JOIN payloads ON payloads.block = blocks.id
WHERE days.day IS NOT NULL;
