SELECT id, trace_id, span_id FROM requests WHERE id BETWEEN :first AND :last;
