"""Who exists and who may: administrations, units, posts, people, addresses, sign-in."""
