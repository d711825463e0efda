SELECT body FROM tasks WHERE NOT ended ORDER BY number;
