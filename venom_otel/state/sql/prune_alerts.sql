DELETE FROM alerts WHERE changed_ns < (SELECT changed_ns FROM alerts ORDER BY changed_ns DESC LIMIT 1 OFFSET :most - 1);
