PRAGMA journal_mode = WAL;
-- What is committed survives the end of this program, of whatever kind. Only the machine's own may cost the newest lines, and no commit
-- waits for the disk: these are made in the event loop.
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 250;
