"""Bybit's rulebooks."""
