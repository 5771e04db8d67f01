"""From verdicts to what opens and ends: crossings, findings, and plans of agents."""
