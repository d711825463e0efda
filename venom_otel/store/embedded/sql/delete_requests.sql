DELETE FROM requests WHERE id BETWEEN :first AND :last;
