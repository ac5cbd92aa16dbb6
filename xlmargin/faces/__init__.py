"""Where the functions are used: Excel, LibreOffice, the browser, xlwings Lite."""
