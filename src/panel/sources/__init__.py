"""Where answers come from: files, platforms, synthetic respondents."""
