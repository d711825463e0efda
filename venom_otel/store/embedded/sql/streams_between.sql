SELECT DISTINCT stream FROM points WHERE id BETWEEN :first AND :last;
