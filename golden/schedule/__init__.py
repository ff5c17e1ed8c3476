"""Passes of groups over rows, in order. Twin of hw/core/schedule."""
