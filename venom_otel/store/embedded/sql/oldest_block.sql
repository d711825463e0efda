SELECT blocks.arrived_ns, blocks.id, blocks.signal, blocks.items, blocks.first_request, blocks.last_request, payloads.digests, payloads.zstd
FROM blocks JOIN payloads ON payloads.block = blocks.id
WHERE blocks.id <= :last
ORDER BY blocks.id LIMIT 1;
