"""Pure: folds entries into cases with states and due instants."""
