"""The learning rate, the master dial: its course over a run, the dials that shape it, and the test for its bounds."""
