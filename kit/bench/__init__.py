"""The bench room: a collection, a grid of conditions, runs, scores with their cost and uncertainty, and a report."""
