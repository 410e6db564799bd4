"""Chapter 3, what to try next: History in, Proposal out."""
