-- No log record that happened at or before :until_ns lies in a later block. Walks the blocks that are newer than that.
SELECT id FROM blocks WHERE signal = 'logs' AND first_ns <= :until_ns ORDER BY id DESC LIMIT 1;
