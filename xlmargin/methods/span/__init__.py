"""SPAN as its specification has it and as CME runs it, with clearing houses' files."""
