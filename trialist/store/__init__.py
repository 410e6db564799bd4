"""Chapter 6, where it is kept."""
