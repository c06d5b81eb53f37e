"""Cross-sectional and longitudinal weights."""
