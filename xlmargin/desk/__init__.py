"""What a desk asks beside the margin: trades, contributions, why it moved, the account, liquidation, hedges."""
