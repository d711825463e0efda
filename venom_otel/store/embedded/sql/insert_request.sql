-- Numbers that were not said come as -1, texts as "", identifiers as bytearray: for NULL and bytes, Python's sqlite3 looks for an adapter
-- each time, which took a third of the whole statement.
INSERT INTO requests(
    id, start_ns, duration_ns, series, ending, first_chunk_ns, input_tokens, output_tokens, error_type, error_message, trace_id, span_id,
    queue_ns, load_ns, prompt_ns, generation_ns
) VALUES(
    ?, ?, ?, ?, ?, nullif(?, -1), nullif(?, -1), nullif(?, -1), nullif(?, ''), nullif(?, ''), ?, ?,
    nullif(?, -1), nullif(?, -1), nullif(?, -1), nullif(?, -1)
)
ON CONFLICT(start_ns, trace_id, span_id) DO NOTHING;
