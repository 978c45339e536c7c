"""Runs: points of a sweep, cohorts of shots, estimates and limits before them, one process or many."""
