"""Everything the outside asks for, once: the API and the page stand on the same functions."""
