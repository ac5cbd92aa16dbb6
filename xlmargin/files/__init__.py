"""Books, markets, histories and chains in files: read whole, or refused."""
