"""From verdicts to what opens and ends: policy, crossings, findings, and what agents are asked."""
