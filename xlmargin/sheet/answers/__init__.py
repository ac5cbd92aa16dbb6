"""What each function answers: raw cells in, a number, a text or a table out."""
