PRAGMA query_only = ON;
PRAGMA cache_size = -8192;
PRAGMA busy_timeout = 5000;
