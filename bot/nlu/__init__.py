"""What a message says about a knee: findings, how they were said, and what was wanted."""
