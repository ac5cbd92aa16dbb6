"""OKX's rulebooks."""
