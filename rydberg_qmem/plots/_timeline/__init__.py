"""A program in laboratory time: what plays when, where it lies along time and in rows, arrows, and the drawing."""
