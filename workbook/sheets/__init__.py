"""The sheets of the workbook, each put together by its module."""
