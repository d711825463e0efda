-- Columns as insert_request.sql takes them, as far as roll-ups count them; the last is the last there, too.
SELECT
    id, start_ns, duration_ns, series, ending, coalesce(first_chunk_ns, -1), coalesce(input_tokens, -1), coalesce(output_tokens, -1),
    coalesce(generation_ns, -1)
FROM requests WHERE id BETWEEN :first AND :last;
