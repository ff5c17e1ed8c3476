"""The memory beside the FPGA as the host sees it: its tester, on a plain memory. Twin of hw/memory."""
