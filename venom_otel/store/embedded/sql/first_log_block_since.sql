-- No log record that happened at or after :since_ns lies in an earlier block.
SELECT min(id) FROM blocks WHERE signal = 'logs' AND last_ns >= :since_ns;
