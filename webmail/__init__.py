"""The browser front, in Arabic, French and English."""
