"""The device of a program: its channels, the register on it, and how strongly atoms act on each other."""
