"""What the process of a run does. Only its folder ``frameworks`` imports any."""
