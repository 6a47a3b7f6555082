"""The pages on which people look after what they sign in with."""
