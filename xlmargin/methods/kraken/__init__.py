"""Kraken's rulebook."""
