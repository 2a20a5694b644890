"""Steps of the tables; log tables are only added to."""
