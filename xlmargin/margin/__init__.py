"""Statement lines, a rulebook's numbers, and a book under a rulebook."""
