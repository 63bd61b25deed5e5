"""What a notebook uses while it runs: errors that are expected."""
