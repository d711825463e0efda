DELETE FROM audit
WHERE at_ns < :since_ns OR number <= (SELECT max(number) FROM audit) - :most;
