"""Evidence of what happened to letters: kept with the fact, sealed in batches, checked, witnessed."""
