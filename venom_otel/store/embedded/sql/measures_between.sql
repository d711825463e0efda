-- Columns as insert_request.sql has them, as far as roll-ups count them.
SELECT id, start_ns, duration_ns, series, ending, first_chunk_ns, input_tokens, output_tokens
FROM requests WHERE id BETWEEN :first AND :last;
