"""The executable specification: shared declarations, integer model, float references."""
