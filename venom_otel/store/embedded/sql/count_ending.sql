SELECT count(*) FROM endings;
