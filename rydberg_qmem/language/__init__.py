"""What a program is: frozen models, expressions, files, and checks."""
