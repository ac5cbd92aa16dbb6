"""Black-76 prices, greeks and implied vols: exact functions for cells, and a fast grid for the margin path."""

from __future__ import annotations
