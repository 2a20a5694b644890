"""The one page of the watch: entries, acts on them, STOP-AND-CHECK, lines."""
