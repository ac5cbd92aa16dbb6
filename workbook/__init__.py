"""The desk's workbook, written from code: inputs, calculations, outputs, checks."""
