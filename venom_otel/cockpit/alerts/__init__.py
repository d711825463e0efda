"""What is wrong, what was, and what was done about it."""
