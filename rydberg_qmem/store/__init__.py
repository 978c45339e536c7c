"""Records: their one layout, and the store that keeps them, whole whatever is killed while it is written."""
