"""From a program to segments, one `pulser.Sequence` each, between the non-unitary steps."""
