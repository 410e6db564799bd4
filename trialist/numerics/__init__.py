"""Maths: arrays in, arrays out; knows no trial."""
