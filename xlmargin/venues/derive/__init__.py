"""Derive: its positions, and its answers recomputed."""
