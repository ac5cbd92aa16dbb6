"""Strategy margin: the legs of an account, the table of strategies, and the cheapest way to pair one with the other."""
