"""Books, markets and chains in files."""
