"""Files of many accounts: positions in, one row per account and method out."""

from __future__ import annotations
