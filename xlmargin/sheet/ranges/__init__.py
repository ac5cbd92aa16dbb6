"""Ranges of a sheet become typed columns: positions, market, parameters."""
