"""Pictures for people: views of a frame, colour maps, contact sheets."""
