UPDATE requests SET ending = ? WHERE id = ?;
