"""Many pages: their options from one file, run side by side, each again only when something changed, one report."""
