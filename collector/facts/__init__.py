"""What is known about the world: tables with sources and dates, and how they are looked up."""
