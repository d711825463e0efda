-- What the runtime told of a request's time, so that the list can say why it was slow; NULL where it did not tell. What is stored stays
-- without: its spans have it.
ALTER TABLE requests ADD COLUMN queue_ns INTEGER;
ALTER TABLE requests ADD COLUMN load_ns INTEGER;
ALTER TABLE requests ADD COLUMN prompt_ns INTEGER;
ALTER TABLE requests ADD COLUMN generation_ns INTEGER;
