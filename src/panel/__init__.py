"""Keep a panel of people under observation for years, and say what changed."""
