"""Excel on Windows: the macro workbook with our own wrapper, the classic xlwings way, and what breaks in the field."""
