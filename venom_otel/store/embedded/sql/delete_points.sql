DELETE FROM points WHERE id BETWEEN :first AND :last;
