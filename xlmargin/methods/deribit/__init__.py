"""Deribit's rulebooks."""
