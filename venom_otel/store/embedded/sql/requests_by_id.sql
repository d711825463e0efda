-- Columns are the fields of RequestSummary, in their order.
SELECT
    r.id AS sequence,
    lower(hex(r.trace_id)) AS trace_id,
    lower(hex(r.span_id)) AS span_id,
    nullif(s.service, '') AS service,
    e.status,
    nullif(s.provider, '') AS provider,
    nullif(s.model, '') AS model,
    nullif(s.response_model, '') AS response_model,
    nullif(s.endpoint, '') AS endpoint,
    r.start_ns,
    r.duration_ns,
    r.first_chunk_ns,
    s.streaming,
    r.input_tokens,
    r.output_tokens,
    nullif(e.error_kind, '') AS error_kind,
    r.error_type,
    r.error_message,
    (nullif(e.routed, 0) - 1) % 2 AS fallback,
    r.queue_ns,
    r.load_ns,
    r.prompt_ns,
    r.generation_ns,
    nullif(e.cold, 0) - 1 AS cold_start,
    nullif(e.routed, 0) > 2 AS gave_way
FROM requests AS r
JOIN series AS s ON s.id = r.series
JOIN endings AS e ON e.id = r.ending
WHERE r.id IN (SELECT value FROM json_each(:ids))
ORDER BY r.id;
