"""ManageSieve: people's scripts over a connection of their own. RFC 5804."""
