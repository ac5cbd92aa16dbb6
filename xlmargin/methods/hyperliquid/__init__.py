"""Hyperliquid's rulebook."""
