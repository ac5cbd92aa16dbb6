"""Paradex's rulebook."""
