"""The margin arithmetic of Derive as array functions, separate from the source of the numbers.

Source: derivexyz/v2-core at 7736900d (2026-01-21).
"""
