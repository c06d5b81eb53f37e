"""The only door to SQL, and the files beside it."""
