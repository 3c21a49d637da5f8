"""Shown late 延后告知: an investigation's looks are held back from the person's list by an order that has an end."""
