"""The memory chip and its controller in simulation.

`chip` is the model of the chip (hw/simulate/sdram.h) for cocotb and Amaranth's simulator, `traffic` compiles
the controller with it, for millions of words. Both stop at the first command that breaks a rule.
"""
