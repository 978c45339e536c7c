"""What evolves states through a segment: pulse level, ideal gates, Pulser's backends, replay."""
