SELECT count(*) FROM series;
