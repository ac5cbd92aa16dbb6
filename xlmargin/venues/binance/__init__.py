"""Binance: its positions and its quotes."""
