"""Standard margin: every position on its own, by tables of rates."""
