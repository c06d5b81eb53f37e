"""Contact details, letters and the way to the mail server."""
