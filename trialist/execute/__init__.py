"""Chapter 7, where it runs."""
