"""Pure: trees, heads, receipts, sealed parts and the link as values. Imports nothing of Detente."""
