"""SPF: whether a domain lets an address send for it."""
