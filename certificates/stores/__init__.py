"""Queries of the library. Each takes the caller's connection and never commits; rows become values here."""
