"""Pictures of a study by matplotlib, as `study.plot`."""
