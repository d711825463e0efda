SELECT blocks.id, blocks.signal, blocks.arrived_ns, payloads.zstd
FROM blocks JOIN payloads ON payloads.block = blocks.id
WHERE blocks.id <= :unfiled AND blocks.signal <> 'traces'
ORDER BY blocks.id DESC;
