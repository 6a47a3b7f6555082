"""What commands do. A handler is given the session and the command, yields responses, and owns no socket."""
