"""How good the tuning of language models is: the tiny model's measured table, and simulations that draw from it."""
