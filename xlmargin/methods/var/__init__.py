"""Value at risk and expected shortfall on a history."""
