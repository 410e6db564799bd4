"""Chapter 2, what was declared and what happened: the words that every floor above speaks."""
