"""In from Pulser and out to it, and what a machine without mid-sequence measurement can run."""
