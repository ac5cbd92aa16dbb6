"""What may happen, and what it does to one unit of every instrument."""
