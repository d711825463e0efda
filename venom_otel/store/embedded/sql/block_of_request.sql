SELECT blocks.first_request, blocks.last_request, payloads.zstd
FROM blocks JOIN payloads ON payloads.block = blocks.id
WHERE blocks.first_request <= :request
ORDER BY blocks.first_request DESC LIMIT 1;
