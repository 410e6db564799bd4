"""Trialist."""
