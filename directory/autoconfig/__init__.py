"""What a mail client is told so that its owner types an address and a password and nothing else."""
