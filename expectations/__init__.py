"""What must hold of the data: suites as files."""
