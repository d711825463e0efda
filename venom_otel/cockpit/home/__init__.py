"""The start page: what is active and what is wrong now, and the means to act on it."""
