"""Relations instead of labels: what must hold on anybody's collection, tried without a question and without a write."""
