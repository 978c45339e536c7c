"""Whether a program may run: names, limits, timings, and outcomes that would take a control beyond them."""
