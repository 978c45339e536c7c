"""The engine: steps done to populations of rows that share quantum states, by functions over a context and a cursor."""
