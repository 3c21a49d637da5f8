"""Reading registers: CSV, JSON lines, workbooks; in bounded memory, a bad row at a time."""
