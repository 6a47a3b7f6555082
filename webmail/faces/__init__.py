"""What programs ask for over HTTPS: automatic configuration, address books, the register of people."""
