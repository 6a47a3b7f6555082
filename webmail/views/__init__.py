"""Views, one concept a file: read the input, make one call, fill one template."""
