"""Evidence: what happened, in a log that can only grow."""
