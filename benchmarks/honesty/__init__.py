"""How honest the end of a study is: run by `benchmarks/honest.py`, one module for each figure."""
