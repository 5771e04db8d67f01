"""From replies and facts to verdicts: what a path shows, what physics proves, what follows."""
