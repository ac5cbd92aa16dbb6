"""Thalex' rulebook."""
