"""Stored and fresh outputs: nbval's rules, what is made anew in every run, comparison, and storing."""
