"""Every unit of the design alone, cycle by cycle, beside its golden twin: a file per room of hw/."""
