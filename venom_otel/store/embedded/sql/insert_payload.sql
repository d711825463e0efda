INSERT INTO payloads(block, digests, zstd) VALUES(?, ?, ?);
