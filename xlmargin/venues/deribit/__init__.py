"""Deribit: its positions, its quotes, and its answers recomputed."""
