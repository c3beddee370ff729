"""The ways in: one folder for each channel a runner can talk through."""
