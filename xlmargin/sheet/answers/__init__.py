"""The answers of the functions: raw cells in, a number, a text or a table out."""
