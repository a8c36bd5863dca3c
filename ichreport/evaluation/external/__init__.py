"""How a run does on another hospital's data, where nothing is fitted."""
