"""Interfaces out of a publisher's OpenAPI document."""
