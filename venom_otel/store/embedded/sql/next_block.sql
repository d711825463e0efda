-- Blocks in which anything happened within the range, one at a time, so that no read lasts long.
SELECT blocks.id, blocks.signal, payloads.digests, payloads.zstd
FROM blocks JOIN payloads ON payloads.block = blocks.id
WHERE blocks.id > :after AND blocks.last_ns >= :since_ns AND blocks.first_ns <= :until_ns
  AND blocks.signal IN (SELECT value FROM json_each(:signals))
ORDER BY blocks.id LIMIT 1;
