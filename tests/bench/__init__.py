"""Speed and accuracy of the pricing core against other ways to compute it: python -m tests.bench."""

from __future__ import annotations
