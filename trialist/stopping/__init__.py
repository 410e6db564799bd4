"""Chapter 5, when to end: whether another trial is worth it, and what is probably left."""
