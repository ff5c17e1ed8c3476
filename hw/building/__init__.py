"""What `python -m hw.build` is made of, a file per job."""
