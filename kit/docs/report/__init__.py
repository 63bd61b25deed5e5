"""The report of a page, as a table, JSON, JUnit and HTML."""
