SELECT start, series, ending, requests, input_tokens, output_tokens, durations, first_chunks FROM rollups
WHERE width = :width AND start >= :first AND start < :end
  AND series IN (SELECT value FROM json_each(:series)) AND ending IN (SELECT value FROM json_each(:endings));
