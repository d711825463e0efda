INSERT INTO requests(
    id, start_ns, duration_ns, series, ending, first_chunk_ns, input_tokens, output_tokens, error_type, error_message, trace_id, span_id
) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(start_ns, trace_id, span_id) DO NOTHING;
