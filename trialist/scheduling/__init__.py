"""Chapter 4, how far to run: reports in, Decision out."""
