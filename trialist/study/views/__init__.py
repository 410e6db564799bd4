"""What a study looks like, as numbers: whoever draws it, on a page, in a notebook or in a terminal, draws these."""
