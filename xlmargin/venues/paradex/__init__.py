"""Paradex."""
