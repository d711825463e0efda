DELETE FROM operations
WHERE state <> 'running' AND (created_ns < :since_ns OR number <= (SELECT max(number) FROM operations) - :most);
