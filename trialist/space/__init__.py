"""Chapter 1, what may vary: parameters, conditions, constraints."""
