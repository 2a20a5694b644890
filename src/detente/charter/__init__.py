"""Pure: the agreed rules as values, and their data in the charter's languages."""
