"""The run: populations of rows that share quantum states, their record, sweeps and stores."""
