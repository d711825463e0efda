SELECT count(*) FROM log_kinds;
