"""The web console: rooms by who sits at the screen."""
