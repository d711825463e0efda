SELECT start, series, ending, requests, input_tokens, output_tokens, durations, first_chunks, generations, generated_tokens, generation_ns
FROM rollups
WHERE together = :together AND width = :width AND start >= :first AND start < :end;
