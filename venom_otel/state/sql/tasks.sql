SELECT body FROM tasks ORDER BY number DESC LIMIT :most;
