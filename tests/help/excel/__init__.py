"""A stand-in for Excel and pywin32, behind which xlwings' own Windows code runs on any system."""
