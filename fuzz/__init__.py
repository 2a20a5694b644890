"""Coverage-guided fuzzing: one file a target in `targets/`, the table of them, and what runs them."""
