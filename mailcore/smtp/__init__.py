"""What comes in: reception from other servers, submission from signed-in people."""
