"""Clearing houses: their printed answers recomputed."""
