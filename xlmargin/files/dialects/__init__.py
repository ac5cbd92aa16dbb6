"""How a text table was written: its encoding, its quotes and delimiter, its decimal mark."""
