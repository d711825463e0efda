-- No request that started at or before :until_ns has a greater id. Walks the blocks that are newer than that.
SELECT last_request FROM blocks WHERE first_ns <= :until_ns AND last_request IS NOT NULL ORDER BY id DESC LIMIT 1;
