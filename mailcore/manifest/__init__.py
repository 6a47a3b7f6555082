"""The role `manifest`: a node publishes its nation's manifest, or follows the one that its anchor names, or does neither."""
