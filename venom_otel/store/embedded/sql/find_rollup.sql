SELECT requests, input_tokens, output_tokens, durations, first_chunks, generations, generated_tokens, generation_ns FROM rollups
WHERE together = ? AND width = ? AND start = ? AND series = ? AND ending = ?;
