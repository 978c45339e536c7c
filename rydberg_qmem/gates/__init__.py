"""Gates as pulses: what each is lowered to, with the calibrations of two-atom gates."""
