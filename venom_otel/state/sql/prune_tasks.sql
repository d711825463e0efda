DELETE FROM tasks WHERE ended AND number <= (SELECT max(number) FROM tasks) - :most;
