SELECT id, trace_id, span_id FROM requests WHERE id IN (SELECT value FROM json_each(:ids));
