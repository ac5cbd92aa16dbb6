"""The margin arithmetic of Derive as array functions, apart from where the numbers come from.

Source: derivexyz/v2-core at 7736900d (2026-01-21).
"""
