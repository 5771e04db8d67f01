"""What other programs wrote about paths, read into the one form that is judged."""
