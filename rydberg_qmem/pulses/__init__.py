"""Pulses in time: schedules of waveforms, their place in a `pulser.Sequence`, and what they reach."""
