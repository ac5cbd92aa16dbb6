"""What a desk asks beside the margin: contributions, moves, accounts, limits, hedges."""
