SELECT number, at_ns, kind, server, provider, model, asked_by, outcome, detail, operation_id
FROM audit
WHERE number < :before AND (:server IS NULL OR server = :server)
ORDER BY number DESC LIMIT :limit;
