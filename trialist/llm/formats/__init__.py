"""Formats that suites are written in: one file each, from a path to items."""
