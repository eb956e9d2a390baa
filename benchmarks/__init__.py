"""Speed, measured against peers in one run; never a test."""
