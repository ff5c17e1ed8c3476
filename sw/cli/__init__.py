"""The commands of `python -m sw.driver`, one module each."""
