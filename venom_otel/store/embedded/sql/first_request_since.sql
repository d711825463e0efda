-- No request that started at or after :since_ns has a smaller id.
SELECT min(first_request) FROM blocks WHERE last_ns >= :since_ns AND first_request IS NOT NULL;
