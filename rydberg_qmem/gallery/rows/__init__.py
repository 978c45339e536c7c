"""The rows of the gallery, one system or family per module: its figures and its picture."""
