"""The counter page: cases taken by clerks under their department's own system."""
