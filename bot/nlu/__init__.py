"""What a person's message says about their knee: findings, how they were said, and what was wanted."""
