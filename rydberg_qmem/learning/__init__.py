"""Learning with quantum memristors, in scikit-learn's language."""
