"""A stand-in for Excel and pywin32, with which xlwings' own Windows code runs on any system."""
