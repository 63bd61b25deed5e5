"""The notebooks room: the manifest, runs, comparison with the stored outputs, lint, update, quality gate and tour."""
