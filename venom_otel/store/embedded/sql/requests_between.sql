SELECT id FROM requests WHERE id BETWEEN :first AND :last;
