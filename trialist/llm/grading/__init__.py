"""How answers are scored, from 0 to 1: by their text, a number or a letter in it, their JSON, code, several checks."""
