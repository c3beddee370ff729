"""Running Rasa our way: one process, durable turns, nothing that fails open."""
