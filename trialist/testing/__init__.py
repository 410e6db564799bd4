"""Contract kits: what any strategy, scheduler, executor and store must hold, as functions that a test can call."""
