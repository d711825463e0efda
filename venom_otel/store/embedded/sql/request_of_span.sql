SELECT id FROM requests WHERE start_ns = ? AND trace_id = ? AND span_id = ?;
