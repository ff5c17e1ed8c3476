"""The link to the host: bytes to frames to commands, and back. Any byte stream carries it."""
