"""PDF documents that accounts sign and receive: who signs in which function, the forms B-B to B-LTA, verdicts, `diwan pdf`."""
