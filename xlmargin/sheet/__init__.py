"""Cells become columns and answers become cells: every PM_ function."""
