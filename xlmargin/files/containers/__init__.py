"""The kinds of workbook files, each opened to the same interface: sheets, names, tables, and the cells of a rectangle."""
