"""Bybit: its positions and its quotes."""
