"""Margin of many accounts: a Parquet or CSV file of positions in, one row per account and method out."""

from __future__ import annotations
