"""Taking in entries by the thousand, from CSV and LDIF: pure readers, rows as values, acts made of rows, a report of every refusal."""
