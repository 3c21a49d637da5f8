"""The catalogue as people read it: entries, the national sheet, exports."""
