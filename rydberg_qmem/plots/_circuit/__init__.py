"""The circuit of a program: symbols of blocks, their columns, the heights of tracks, and the drawing of them."""
