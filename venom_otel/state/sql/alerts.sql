SELECT body FROM alerts ORDER BY changed_ns DESC LIMIT :most;
