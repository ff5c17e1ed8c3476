"""Host software: links, driver, data sets and command line."""
