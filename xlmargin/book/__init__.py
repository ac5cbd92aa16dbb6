"""Contracts, the market of each, and who holds how much of what."""
