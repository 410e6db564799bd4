"""Chapter 8, the process: what users hold, and the loop in which rooms meet."""
