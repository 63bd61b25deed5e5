"""Reports: one HTML base, one JUnit writer, one terminal, baselines, and the folder a report is put into."""
