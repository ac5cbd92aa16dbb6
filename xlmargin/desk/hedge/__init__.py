"""Trades that lower a margin: the proposal and the search for it."""
