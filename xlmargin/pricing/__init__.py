"""Black-76 prices, greeks and implied vols: exact ones for cells, a fast grid of them for margins."""

from __future__ import annotations
