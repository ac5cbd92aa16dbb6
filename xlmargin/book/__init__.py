"""Contracts, their market, and who holds how much of what."""
