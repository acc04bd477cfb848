"""`make bench`: calls counted and times measured beside their goals."""
