INSERT OR REPLACE INTO rollups(
    together, width, start, series, ending, requests, input_tokens, output_tokens, durations, first_chunks,
    generations, generated_tokens, generation_ns
) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
