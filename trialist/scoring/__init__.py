"""Chapter 5, whether it is really better: the statistics of honest comparison."""
