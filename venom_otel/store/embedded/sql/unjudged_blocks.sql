SELECT blocks.id, blocks.first_request, blocks.last_request, payloads.zstd
FROM blocks JOIN payloads ON payloads.block = blocks.id
WHERE blocks.id <= :unjudged AND blocks.first_request IS NOT NULL
ORDER BY blocks.id DESC;
