"""Files: written whole, locked, in scratch folders, and where the project's own lie."""
