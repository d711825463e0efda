DELETE FROM traces WHERE key = ? AND block = ?;
