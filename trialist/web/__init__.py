"""Report and dashboard: what a study shows in a browser."""
