"""The run: points of a sweep, cohorts of shots, estimates and guards, records and stores."""
