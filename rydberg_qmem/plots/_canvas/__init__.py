"""What all pictures are drawn with: lengths in points, text of known width, outlines of waveforms."""
