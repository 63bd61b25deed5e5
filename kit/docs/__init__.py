"""The docs room: pages are read, replayed, compared with what they say, and held against a ledger of known defects."""
