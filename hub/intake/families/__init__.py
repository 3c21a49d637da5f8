"""Families of cases 联办: the matters of one life event, opened at once, asked once, followed in one view."""
