"""Every unit of the design alone, cycle by cycle, beside its golden twin: files per room of hw/."""
